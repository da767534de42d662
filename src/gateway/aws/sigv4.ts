import { createHash, createHmac } from 'node:crypto'

/* Signature Version 4 (AWS, "Create a signed AWS API request"): what is signed, and by which key. */

export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** `DATE/REGION/SERVICE/aws4_request`. */
export interface Scope {
  /** `20261128`. */
  readonly date: string
  readonly region: string
  readonly service: string
}

export type Pair = readonly [name: string, value: string | undefined]

/** A request as it is signed: names and values decoded, header names in lower case. */
export interface Signable {
  readonly method: string
  /** As it goes over the wire. */
  readonly path: string
  readonly query: readonly Pair[]
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hex, or one of the words that stand for it. */
  readonly payload: string
}

export const algorithm = 'AWS4-HMAC-SHA256'
export const emptyHash = hashOf('')

export function hashOf(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** RFC 3986: all but unreserved characters are escaped, in upper case. */
export function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

export function escapedPath(path: string): string {
  return path.split('/').map(escaped).join('/')
}

/** `2026-11-28T12:00:00Z` as it is signed: `20261128T120000Z`. */
export function amzDate(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
}

export function scopeText({ date, region, service }: Scope): string {
  return `${date}/${region}/${service}/aws4_request`
}

/** The signature of a request, in hex. */
export function signatureOf(
  request: Signable,
  signedHeaders: readonly string[],
  { secretAccessKey, scope, time }: { secretAccessKey: string; scope: Scope; time: string },
): string {
  const canonical = canonicalRequest(request, signedHeaders, scope.service)
  const text = [algorithm, time, scopeText(scope), hashOf(canonical)].join('\n')
  return hmac(signingKey(secretAccessKey, scope), text).toString('hex')
}

export function canonicalRequest(
  { method, path, query, headers, payload }: Signable,
  signedHeaders: readonly string[],
  service: string,
): string {
  const names = [...signedHeaders].toSorted()
  return [
    method,
    // S3 takes a path as it is; all others escape once more what came escaped.
    service === 's3' ? path : escapedPath(path),
    canonicalQuery(query),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    names.join(';'),
    payload,
  ].join('\n')
}

function canonicalQuery(query: readonly Pair[]): string {
  return query
    .map(([name, value = '']) => [escaped(name), escaped(value)] as const)
    .toSorted(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** By code, as ASCII: no locale has a say. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Good for a day, a region and a service. */
export function signingKey(secretAccessKey: string, { date, region, service }: Scope): Buffer {
  return [date, region, service, 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** Headers that may change on the way, or that the next hop writes. */
const unsigned: ReadonlySet<string> = new Set([
  ...['accept', 'accept-encoding', 'user-agent', 'amz-sdk-invocation-id', 'amz-sdk-request'],
  ...['content-length', 'x-amzn-trace-id'],
])

/** The headers of a request with its signature; `time` is ours, whatever the step's clock says. */
export function signed(
  request: Signable,
  keys: Keys,
  where: { readonly region: string; readonly service: string; readonly nowMs: number },
): { headers: Record<string, string>; signature: string; scope: Scope; time: string } {
  const time = amzDate(where.nowMs)
  const scope = { date: time.slice(0, 8), region: where.region, service: where.service }
  const headers = {
    ...request.headers,
    'x-amz-date': time,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
    // The others have it in the signature alone.
    ...(where.service === 's3' ? { 'x-amz-content-sha256': request.payload } : {}),
  }
  const names = Object.keys(headers)
    .filter((name) => !unsigned.has(name))
    .toSorted()
  const { secretAccessKey } = keys
  const signature = signatureOf({ ...request, headers }, names, { secretAccessKey, scope, time })
  const credential = `${keys.accessKeyId}/${scopeText(scope)}`
  const authorization = `${algorithm} Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  return { headers: { ...headers, authorization }, signature, scope, time }
}
