const maxChars = 2_048

/** What may stand in a path as it is: RFC 3986's pchar without `;` (which servers cut off) and `*` (which grants mean otherwise). */
const pathChar = String.raw`[A-Za-z0-9._~!$&'()+,=:@-]`
/**
 * What may stand in one as an escape: `%2f`, by which npm writes a scope, and what has no other spelling. Never what
 * somebody could read as a separator, a dot, or an end: `%2e`, `%5c`, `%00`, `%25`.
 */
const pathEscape = '%2f|%20|%22|%3c|%3e|%5b|%5d|%5e|%60|%7b|%7c|%7d|%[89a-f][0-9a-f]'
const pathForm = new RegExp(String.raw`^(?:/(?!\.{1,2}(?:/|$))(?:${pathChar}|${pathEscape})+)*/?$`, 'i')
const dotSegment = /(?:^|\/|%2f)\.{1,2}(?:$|\/|%2f)/i

/** RFC 3986's query characters; of escapes none that ends a line or a text. */
const queryForm = /^(?:[A-Za-z0-9._~!$&'()*+,=:@/?-]|%(?!0|1|7f)[0-9a-f]{2})*$/i

/**
 * Path and query of a request below a base path, as they came but for `%21`, or undefined. One spelling per resource: what upstream might
 * read in another way (dot segments, empty segments, needless escapes, backslashes) is refused, so policy and upstream see the same. Of the
 * characters in `escapes` the caller takes both spellings for one, and with `dotFolders` a folder `./` is left out.
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
  // go writes an upper case letter so, by an escape that is not needed: upstream gets the one spelling, too.
  const written = full.slice(basePath.length).replaceAll('%21', '!')
  const path = dotFolders ? written.replaceAll(/\/(?:\.\/)+/g, '/') : written
  if (path.length > maxChars || query.length > maxChars) return undefined
  const judged = path.replaceAll(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return escapes.includes(character) ? character : escape
  })
  return pathForm.test(judged) && !dotSegment.test(judged) && queryForm.test(query)
    ? { path, query }
    : undefined
}
