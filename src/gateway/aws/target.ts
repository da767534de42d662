import { escaped, type Pair } from './sigv4.ts'

/** Where a request goes, read in one way, and written in that way when it goes on. */
export interface Target {
  /** Each part decoded; of `/` none. */
  readonly parts: readonly string[]
  /** As it is sent: whatever need not be escaped is not. */
  readonly path: string
  readonly query: readonly Pair[]
}

export const maxPairs = 500

/**
 * Reads path and query. What somebody could read in another way is refused, with the reason: parts `.` and `..`, which a store
 * may take for folders, a `+` of the query, which is itself or a space. With `asKey`, for S3, slashes are part of a name, escaped or
 * not.
 */
export function readTarget(rawPath: string, rawQuery: string, asKey: boolean): Target | string {
  const path = asKey ? decode(rawPath) : rawPath
  const parts = (path ?? '')
    .slice(1)
    .split('/')
    .map((part) => (asKey ? part : decode(part)))
  if (path === undefined || !isWhole(parts)) return 'its path cannot be read'
  if (parts.some((part) => /^\.{1,2}$/.test(part) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(part)))
    return 'its path has `.` or `..`, which its host could take for another place'
  if (parts.some((part) => hasControl(part))) return 'its path has characters that cannot be seen'
  if (!asKey && parts.slice(0, -1).includes('')) return 'its path has an empty part'
  const query = readQuery(rawQuery)
  if (typeof query === 'string') return query
  return { parts: path === '/' ? [] : parts, path: `/${parts.map(escaped).join('/')}`, query }
}

export function readQuery(raw: string): Pair[] | string {
  if (raw === '') return []
  if (raw.includes('+')) return 'its query has a "+", which is itself or a space: write %2B or %20'
  const written = raw.split('&')
  if (written.length > maxPairs) return `its query has more than ${maxPairs} parameters`
  const query = written.map((one): Pair | undefined => {
    const at = one.indexOf('=')
    const name = decode(at === -1 ? one : one.slice(0, at))
    const value = at === -1 ? undefined : decode(one.slice(at + 1))
    return name === undefined || (at !== -1 && value === undefined) ? undefined : [name, value]
  })
  return isWhole(query) ? query : 'its query cannot be read'
}

export function writeQuery(query: readonly Pair[]): string {
  return query
    .map(([name, value]) => (value === undefined ? escaped(name) : `${escaped(name)}=${escaped(value)}`))
    .join('&')
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

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text)
}
