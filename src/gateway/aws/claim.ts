import type { IncomingMessage } from 'node:http'
import { algorithm, type Pair, type Scope } from './sigv4.ts'

/** What a request says of its signature. */
export interface Claim {
  readonly accessKeyId: string
  readonly scope: Scope
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly time: string
  /** It stands in the query: a presigned URL. */
  readonly presigned: boolean
}

const credentialForm =
  /^(?<id>\w{1,128})\/(?<date>\d{8})\/(?<region>[a-z0-9-]{1,40})\/(?<service>[a-z0-9-]{1,63})\/aws4_request$/
const header =
  /^AWS4-HMAC-SHA256 Credential=(?<credential>[^\s,]+), ?SignedHeaders=(?<names>[^\s,]+), ?Signature=(?<signature>[0-9a-f]{64})$/

/** The claim, or why there is none. */
export function readClaim(request: IncomingMessage, query: readonly Pair[]): Claim | string {
  const { authorization } = request.headers
  const inQuery = query.filter(([name]) => /^x-amz-(?:algorithm|credential|signature)$/i.test(name))
  if (authorization !== undefined) {
    if (inQuery.length > 0) return 'it is signed twice, in its query and in a header'
    return readHeader(authorization, request)
  }
  if (inQuery.length > 0) return readPresigned(query)
  if (query.some(([name]) => name.toLowerCase() === 'awsaccesskeyid')) return otherSchemes
  return 'it is not signed: let the tool take the keys that it finds in a step (no --no-sign-request), which are good for nothing elsewhere'
}

const otherSchemes = `it is signed in another way than by ${algorithm} (Signature Version 4), which is the one that is signed anew here`

function readHeader(authorization: string, { headers }: IncomingMessage): Claim | string {
  const { credential = '', names = '', signature = '' } = header.exec(authorization)?.groups ?? {}
  if (signature === '') return otherSchemes
  const time = headers['x-amz-date'] ?? timeOf(headers.date)
  return claimOf(credential, names, signature, String(time ?? ''), false)
}

function readPresigned(query: readonly Pair[]): Claim | string {
  const named = (name: string) => query.filter(([one]) => one === name).map(([, value = '']) => value)
  const all = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-SignedHeaders', 'X-Amz-Signature', 'X-Amz-Date']
  if (all.some((name) => named(name).length !== 1)) return otherSchemes
  const [how = '', credential = '', names = '', signature = '', time = ''] = all.flatMap(named)
  return how === algorithm && /^[0-9a-f]{64}$/.test(signature)
    ? claimOf(credential, names, signature, time, true)
    : otherSchemes
}

function claimOf(
  credential: string,
  names: string,
  signature: string,
  time: string,
  presigned: boolean,
): Claim | string {
  const parts = credentialForm.exec(credential)?.groups
  if (parts === undefined || !/^\d{8}T\d{6}Z$/.test(time) || !/^[a-z0-9;_-]{1,4000}$/.test(names))
    return 'its signature cannot be read'
  const { id = '', date = '', region = '', service = '' } = parts
  const signedHeaders = names.split(';')
  if (!signedHeaders.includes('host')) return 'its signature leaves out the host'
  return { accessKeyId: id, scope: { date, region, service }, signedHeaders, signature, time, presigned }
}

/** `Date` may stand for `X-Amz-Date`. */
function timeOf(date: string | undefined): string | undefined {
  const ms = Date.parse(date ?? '')
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '')
}

/** The access key id alone: which of several connections on a host is meant. */
export function accessKeyIdOf({ headers, url = '' }: IncomingMessage): string | undefined {
  const inHeader = /\bCredential=(\w{1,128})\//.exec(headers.authorization ?? '')?.[1]
  return inHeader ?? /[?&]X-Amz-Credential=(\w{1,128})(?:%2F|\/)/i.exec(url)?.[1]
}
