import { linksOf, type HtmlLink } from './html-links.ts'
import { versionOf } from './release-file.ts'

/** One file of a project's page, in the words of PEP 691 and 700. */
export interface IndexFile {
  readonly filename: string
  /** As its name has it. */
  readonly version: string
  readonly url: URL
  /** SHA-256 in hex; undefined: the index has none. */
  readonly sha256: string | undefined
  /** Of its metadata, likewise. */
  readonly metadataSha256: string | undefined
  /** What else clients ask of it, as it stood there: none of it is relied on here. */
  readonly rest: Readonly<Record<string, unknown>>
}

export interface ProjectPage {
  readonly project: string
  readonly files: readonly IndexFile[]
  /** Of the form in JSON. */
  readonly apiVersion: string
  /** Its own address. */
  readonly at: URL
}

const kept = ['requires-python', 'yanked', 'size', 'upload-time', 'provenance'] as const
const maxFiles = 100_000

/**
 * Reads what an index says of a project, in either form. What is no file of this project by its own name, or lies at no address
 * of http, is left out. `at` is the page's own address. Undefined for what is no such page.
 */
export function readPage(project: string, text: string, type: string, at: URL): ProjectPage | undefined {
  const isJson = /^application\/(?:vnd\.pypi\.simple\.v1\+)?json\b/i.test(type)
  if (!isJson && !/^(?:text\/html|application\/vnd\.pypi\.simple\.v1\+html)\b/i.test(type)) return undefined
  const page = isJson ? readJson(text) : readHtml(text, at)
  if (page === undefined) return undefined
  const { base = at } = page
  const files = page.files.slice(0, maxFiles).flatMap((one) => fileOf(one, project, base) ?? [])
  return { project, files, apiVersion: page.apiVersion, at }
}

type Entry = Readonly<Record<string, unknown>>

interface Read {
  readonly files: readonly Entry[]
  readonly apiVersion: string
  /** What its addresses are relative to, if not its own. */
  readonly base?: URL
}

function readJson(text: string): Read | undefined {
  try {
    const { meta, files } = JSON.parse(text) as { meta?: Entry; files?: unknown }
    const version = meta?.['api-version']
    // Another major version means other things by the same words (PEP 629).
    if (typeof version !== 'string' || !/^1\.\d{1,3}$/.test(version) || !Array.isArray(files))
      return undefined
    return { apiVersion: version, files: files.filter((one) => typeof one === 'object' && one !== null) }
  } catch {
    return undefined
  }
}

function readHtml(text: string, at: URL): Read {
  const { links, base = '' } = linksOf(text)
  const written = base.length <= 4_096 ? URL.parse(base, at.href) : null
  return { files: filesOf(links), apiVersion: '1.0', ...(written === null ? {} : { base: written }) }
}

function filesOf(links: readonly HtmlLink[]): Entry[] {
  return links.map(({ href, attributes }) => {
    const [url = '', fragment = ''] = href.split('#')
    const metadata = attributes.get('data-core-metadata') ?? attributes.get('data-dist-info-metadata')
    const python = attributes.get('data-requires-python')
    const yanked = attributes.get('data-yanked')
    const provenance = attributes.get('data-provenance')
    return {
      url,
      hashes: hashIn(fragment),
      'core-metadata': hashIn(metadata ?? ''),
      ...(python === undefined ? {} : { 'requires-python': python }),
      ...(yanked === undefined ? {} : { yanked: yanked === '' ? true : yanked }),
      ...(provenance === undefined ? {} : { provenance }),
    }
  })
}

function hashIn(fragment: string): Record<string, string> {
  const sha256 = /(?:^|&)sha256=([0-9a-f]{64})(?:$|&)/i.exec(fragment)?.[1]
  return sha256 === undefined ? {} : { sha256 }
}

function fileOf(entry: Entry, project: string, at: URL): IndexFile | undefined {
  const { url: written, hashes } = entry
  const url = typeof written === 'string' && written.length <= 4_096 ? URL.parse(written, at.href) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  url.hash = ''
  const filename = lastOf(url)
  const version = filename === undefined ? undefined : versionOf(filename, project)
  if (filename === undefined || version === undefined) return undefined
  const rest = Object.fromEntries(kept.flatMap((key) => (isPlain(entry[key]) ? [[key, entry[key]]] : [])))
  const metadata = entry['core-metadata'] ?? entry['dist-info-metadata'] ?? entry['data-dist-info-metadata']
  return { filename, version, url, sha256: sha256Of(hashes), metadataSha256: sha256Of(metadata), rest }
}

function lastOf({ pathname }: URL): string | undefined {
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1))
  } catch {
    return undefined
  }
}

function sha256Of(hashes: unknown): string | undefined {
  if (typeof hashes !== 'object' || hashes === null || !Object.hasOwn(hashes, 'sha256')) return undefined
  const { sha256 } = hashes as { sha256?: unknown }
  return typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : undefined
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isSafeInteger(value)) ||
    (typeof value === 'string' && value.length <= 2_000)
  )
}
