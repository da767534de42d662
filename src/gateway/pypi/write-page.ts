import type { IndexFile, ProjectPage } from './project-page.ts'

const json = 'application/vnd.pypi.simple.v1+json'

/** The page in the form that the client prefers (PEP 691): JSON where it knows it. */
export function writePage(page: ProjectPage, accept: string): { type: string; body: string } {
  return accept.includes(json) || accept.includes('application/json')
    ? { type: json, body: JSON.stringify(jsonOf(page)) }
    : { type: 'text/html; charset=utf-8', body: htmlOf(page) }
}

function jsonOf({ project, files, apiVersion }: ProjectPage): unknown {
  // What later versions require of every file (PEP 700) only an index can know that has it in JSON.
  const isFull = files.every(({ rest }) => typeof rest['size'] === 'number')
  return {
    meta: { 'api-version': isFull ? apiVersion : '1.0' },
    name: project,
    versions: [...new Set(files.map(({ version }) => version))],
    files: files.map(({ filename, url, sha256, metadataSha256, rest }) => ({
      filename,
      url: url.href,
      hashes: sha256 === undefined ? {} : { sha256 },
      ...(metadataSha256 === undefined
        ? {}
        : {
            'core-metadata': { sha256: metadataSha256 },
            'data-dist-info-metadata': { sha256: metadataSha256 },
          }),
      ...rest,
    })),
  }
}

function htmlOf({ project, files }: ProjectPage): string {
  const head = `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"><title>Links for ${project}</title></head><body>`
  return `${head}\n${files.map(linkOf).join('\n')}\n</body></html>\n`
}

function linkOf({ filename, url, sha256, metadataSha256, rest }: IndexFile): string {
  const attributes = [
    ['href', `${url.href}${sha256 === undefined ? '' : `#sha256=${sha256}`}`],
    ['data-requires-python', rest['requires-python']],
    ['data-yanked', rest['yanked'] === true ? '' : rest['yanked']],
    ['data-core-metadata', metadataSha256 === undefined ? undefined : `sha256=${metadataSha256}`],
    ['data-dist-info-metadata', metadataSha256 === undefined ? undefined : `sha256=${metadataSha256}`],
    ['data-provenance', rest['provenance']],
  ].flatMap(([name, value]) => (typeof value === 'string' ? [`${String(name)}="${escaped(value)}"`] : []))
  return `<a ${attributes.join(' ')}>${escaped(filename)}</a><br>`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
