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
  return forbidden(query) ?? { parts: rawPath === '/' ? [] : parts, query }
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

/**
 * Parameters by which Google's APIs take a credential, a signature, or another request than the one that is seen (Cloud APIs,
 * "System parameters"; Cloud Storage, "Signed URLs").
 */
const credentials =
  /^(?:access_token|oauth_token|bearer_token|key|api_key|signature|googleaccessid|expires|awsaccesskeyid|x-(?:goog|amz)-(?:algorithm|credential|date|expires|signature|signedheaders|security-token))$/i
const another =
  /^(?:upload_protocol|callback|method|_method|httpmethod|x-http-method-override|\$(?!alt$|\.xgafv$|prettyprint$|fields$).*)$/i

function forbidden(query: readonly Pair[]): string | undefined {
  const signed = query.find(([name]) => credentials.test(name))
  if (signed !== undefined)
    return `its query has "${signed[0].slice(0, 60)}": a signed URL and a key in a query are not passed on, the gateway adds the credential`
  const odd = query.find(([name]) => another.test(name))
  return odd === undefined
    ? undefined
    : `its query has "${odd[0].slice(0, 60)}", by which it could be another request than it seems`
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
