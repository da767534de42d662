/** A name and value of a query; undefined where it has no `=`. */
export type Pair = readonly [name: string, value: string | undefined]

/** Where a request goes, read in one way, and written in that way when it goes on. */
export interface Target {
  /** Each part decoded: an escaped slash is in a part. */
  readonly parts: readonly string[]
  readonly query: readonly Pair[]
}

const maxPairs = 500

/**
 * Reads path and query; or says why not. Refused is what a host could take for another place: `.` and `..`, escaped or not, and
 * characters that cannot be seen.
 */
export function readTarget(rawPath: string, rawQuery: string): Target | string {
  const parts = rawPath.slice(1).split('/').map(decode)
  if (!isWhole(parts)) return 'its path cannot be read'
  if (parts.some((part) => /(?:^|\/)\.{1,2}(?:\/|$)/.test(part)))
    return 'its path has `.` or `..`, which its host could take for another place'
  if (parts.some((part) => /[\u0000-\u001f\u007f]/.test(part)))
    return 'its path has characters that cannot be seen'
  const written = rawQuery === '' ? [] : rawQuery.split('&')
  if (written.length > maxPairs) return `its query has more than ${maxPairs} parameters`
  const query = written.map((one): Pair | undefined => {
    const at = one.indexOf('=')
    const name = decode((at === -1 ? one : one.slice(0, at)).replaceAll('+', ' '))
    const value = at === -1 ? undefined : decode(one.slice(at + 1).replaceAll('+', ' '))
    return name === undefined || (at !== -1 && value === undefined) ? undefined : [name, value]
  })
  if (!isWhole(query)) return 'its query cannot be read'
  return { parts: rawPath === '/' ? [] : parts, query }
}

export function writeTarget({ parts, query }: Target): string {
  const path = `/${parts.map(encodeURIComponent).join('/').replaceAll('%3A', ':').replaceAll('%40', '@')}`
  const pairs = query.map(([name, value]) =>
    [name, ...(value === undefined ? [] : [value])].map(encodeURIComponent).join('='),
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

export function valuesOf({ query }: Pick<Target, 'query'>, name: string): string[] {
  return query.flatMap(([one, value = '']) => (one === name ? [value] : []))
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function isWhole<T>(all: (T | undefined)[]): all is T[] {
  return !all.includes(undefined)
}

/** A name in the characters of grants: what they have no place for is escaped; `~` where there is none. */
export function named(text: string): string {
  if (text === '') return '~'
  return text.replaceAll(/[^A-Za-z0-9._~!$&'()+,=:@/-]/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
