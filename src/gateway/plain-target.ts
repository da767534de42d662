const maxChars = 2_048

/** What may stand in a path as it is: RFC 3986's pchar without `;` (which servers cut off) and `*` (which grants mean otherwise). */
const pathChar = String.raw`[A-Za-z0-9._~!$&'()+,=:@-]`
/**
 * What may stand in one as an escape: `%2f`, by which npm writes a scope, and what has no other spelling. Never what
 * somebody could read as a separator, or an end: `%5c`, `%00`, `%25`.
 */
const pathEscape = '%2f|%20|%22|%23|%3c|%3e|%5b|%5d|%5e|%60|%7b|%7c|%7d|%[89a-f][0-9a-f]'
const pathForm = new RegExp(String.raw`^(?:/(?!\.{1,2}(?:/|$))(?:${pathChar}|${pathEscape})+)*/?$`, 'i')
/** With spaces at its end, too, which some servers cut off. */
const dotSegment = /(?:^|\/|%2f)\.{1,2}(?:%20)*(?:$|\/|%2f)/i
/** Servers that take `%2f` for a slash clean such a path, or cut its end off. */
const emptySegment = /\/%2f|%2f(?:\/|%2f|$)/i

/** RFC 3986's query characters; of escapes none that ends a line or a text. */
const queryForm = /^(?:[A-Za-z0-9._~!$&'()*+,=:@/?-]|%(?!0|1|7f)[0-9a-f]{2})*$/i

const needsNoEscape = new RegExp(`^${pathChar}$`)

/**
 * Path and query of a request below a base path, or undefined. One spelling per resource: needless escapes (`%40`, `%2e`; many a client
 * escapes whatever is no letter) are taken out, and what upstream might read in another way (dot segments, empty segments, backslashes)
 * is refused, so policy and upstream see the same. Escapes of the characters in `escapes` stay as they came: the caller takes both
 * spellings for one; and with `dotFolders` a folder `./` is left out.
 */
export function plainTarget(
  url: string,
  basePath: string,
  { escapes = '', dotFolders = false }: { readonly escapes?: string; readonly dotFolders?: boolean } = {},
): { path: string; query: string } | undefined {
  const at = url.indexOf('?')
  const full = at === -1 ? url : url.slice(0, at)
  const query = at === -1 ? '' : url.slice(at + 1)
  if (!full.startsWith(`${basePath}/`)) return undefined
  const written = full.slice(basePath.length)
  const path = unescaped(
    dotFolders ? written.replaceAll(/\/(?:\.\/)+/g, '/') : written,
    (one) => needsNoEscape.test(one) && !escapes.includes(one),
  )
  if (path.length > maxChars || query.length > maxChars) return undefined
  const judged = unescaped(path, (one) => escapes.includes(one))
  const isPlain = pathForm.test(judged) && !dotSegment.test(judged) && !emptySegment.test(judged)
  return isPlain && isUtf8(path) && queryForm.test(query) ? { path, query } : undefined
}

const maxRawChars = 16_384

/** Path and query as they came, for a protocol whose handler reads them itself; undefined if they are none. */
export function rawTarget(url: string): { path: string; query: string } | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(url) || url.includes('#') || url.length > maxRawChars) return undefined
  const [path = ''] = url.split('?', 1)
  return { path, query: url.slice(path.length + 1) }
}

/** Overlong forms of `/` and `.` are none (RFC 3629, section 10). */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/** A URL's path, or its beginning, to be compared with others: none of it is escaped that need not be. */
export function comparable(url: string): string {
  return unescaped(url, (one) => needsNoEscape.test(one))
}

/** The path with those characters as themselves that `plain` says; each is looked at once, so that no escape is made of two. */
function unescaped(path: string, plain: (character: string) => boolean): string {
  return path.replaceAll(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return plain(character) ? character : escape
  })
}
