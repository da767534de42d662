const token = "[\\w!#$%&'*+.^`|~-]+"
const parameter = `;\\s*(?:(${token})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;,"]+)))?\\s*)?`
const oneLink = `[\\s,]*<([^<>\\s]{1,2048})>\\s*((?:${parameter})*)(?=,|$)`

/** What to ask the same place for, to get the next page of its list (RFC 8288); a link to anywhere else is none. */
export function nextQuery(link: string | readonly string[] | undefined, here: URL): string | undefined {
  const links = (typeof link === 'string' ? link : '').matchAll(new RegExp(oneLink, 'gy'))
  const target = links.find(([, , parameters = '']) => isNext(parameters))?.[1]
  if (target === undefined || !URL.canParse(target, here)) return undefined
  const { host, pathname, searchParams } = new URL(target, here)
  return pathname === here.pathname && host === here.host
    ? queryText(Object.fromEntries(searchParams))
    : undefined
}

/** Of several `rel` the first counts; it may name several relations (RFC 8288, 3.3). */
function isNext(parameters: string): boolean {
  const rel = parameters
    .matchAll(new RegExp(parameter, 'gy'))
    .find(([, name = '']) => name.toLowerCase() === 'rel')
  const [, , quoted, plain = ''] = rel ?? []
  return (quoted ?? plain).toLowerCase().split(/\s+/).includes('next')
}

export function queryText(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}
