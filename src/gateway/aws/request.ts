import { createHash, timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { awsStandIn } from '../../kinds/index.ts'
import { collect } from '../collect.ts'
import { hasBody, type Exchange } from '../exchange.ts'
import type { Reserve } from '../room.ts'
import { isSignedInChunks } from './chunks.ts'
import { readClaim, type Claim } from './claim.ts'
import { endpointOf, type Endpoint } from './endpoint.ts'
import type { HeldSessions } from './keys.ts'
import type { Home } from './names.ts'
import { emptyHash, signatureOf, type Keys, type Pair } from './sigv4.ts'
import { readTarget, type Target } from './target.ts'

/** A request of a step, taken apart, whose signature is the stand-in's. */
export interface AwsRequest {
  readonly claim: Claim
  readonly endpoint: Endpoint
  /** Without what signs in its query. */
  readonly target: Target
  /** What stands for the body in the signature. */
  readonly payload: string
  /** The body, where it had to be read; else it goes on as it comes. */
  readonly body: Buffer | undefined
  /** Of a role that was assumed from here on. */
  readonly keys: Keys | undefined
  readonly home: Home
}

/** JSON and forms; AWS's own limits are below it. */
const maxBodyBytes = 16_777_216
/** The code of a function comes in JSON, and a third longer. */
const maxCodeBytes = 73_400_320
/** A thousand keys. */
const maxKeysBytes = 4_194_304

/** Takes the request apart and checks the stand-in's signature; or why it is refused. */
export async function readAws(
  exchange: Exchange,
  { sessions, reserve }: { readonly sessions: HeldSessions; readonly reserve: Reserve },
): Promise<AwsRequest | string> {
  const { request, connection, asked } = exchange
  const { account = '', regions = [] } = connection.settings ?? {}
  const isS3 = /(?:\/|%2F)s3(?:\/|%2F)aws4_request/i.test(
    `${request.headers.authorization ?? ''}${exchange.query}`,
  )
  const written = readTarget(exchange.path, exchange.query, isS3)
  if (typeof written === 'string') return written
  const claim = readClaim(request, written.query)
  if (typeof claim === 'string') return claim
  const { isOurs, keys } = sessions.of(exchange, claim.accessKeyId)
  if (!isOurs)
    return `it is signed by ${claim.accessKeyId}, which is not the stand-in of connection "${connection.name}": take profile ${connection.name}, and no keys of your own`
  const endpoint = endpointOf(asked.host, claim.scope, { own: connection.host, regions })
  if (typeof endpoint === 'string') return endpoint
  if ((claim.scope.service === 's3') !== isS3) return 'its signature cannot be read'
  const held = await bodyOf(exchange, endpoint, written.query, reserve)
  if (typeof held === 'string') return held
  const payload = await payloadOf(exchange, claim, written.query, held)
  if (payload === undefined) return 'its body is not the one that its x-amz-content-sha256 tells'
  if (/ECDSA/.test(payload))
    return 'its body is signed by SigV4A, which is not signed anew here: use signature version 4'
  if (isS3 && !isKnownPayload(payload))
    return 'S3 asks for x-amz-content-sha256, and it has none that is known'
  if (!isSignedBy(exchange, claim, written, isS3, payload))
    return 'its signature is wrong: it is made with the secret of another key, or the request was changed after it was signed'
  const target = claim.presigned
    ? { ...written, query: written.query.filter(([name]) => !signs.test(name)) }
    : written
  return { claim, endpoint, target, payload, body: held, keys, home: { account, regions } }
}

/** Parameters of a presigned URL. */
const signs =
  /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token|Content-Sha256)$/

function isKnownPayload(payload: string): boolean {
  return (
    /^[0-9a-f]{64}$/.test(payload) ||
    payload === 'UNSIGNED-PAYLOAD' ||
    payload === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' ||
    isSignedInChunks(payload)
  )
}

/** S3's bodies pass as they come, but for lists of keys; all others are read, since their hash stands in the signature. */
async function bodyOf(
  { request, response, ofStep }: Exchange,
  { service, isMain }: Endpoint,
  query: readonly Pair[],
  reserve: Reserve,
): Promise<Buffer | undefined | string> {
  const isList =
    service === 's3' && isMain && request.method === 'POST' && query.some(([name]) => name === 'delete')
  if (service === 's3' && isMain && !isList) return undefined
  if (!hasBody(request)) return Buffer.alloc(0)
  const most = isList ? maxKeysBytes : service === 'lambda' ? maxCodeBytes : maxBodyBytes
  const length = Number(request.headers['content-length'] ?? most)
  const tooLong = `its body is over ${most} bytes, or breaks off`
  if (!(length <= most)) return tooLong
  const giveBack = reserve(length, ofStep)
  if (giveBack === undefined) return 'too many bodies are under way: try again'
  response.once('close', giveBack)
  return (await collect(request, length)) ?? tooLong
}

async function payloadOf(
  { request }: Exchange,
  { presigned }: Claim,
  query: readonly Pair[],
  body: Buffer | undefined,
): Promise<string | undefined> {
  const inQuery = query.find(([name]) => name === 'X-Amz-Content-Sha256')?.[1]
  const said = presigned ? inQuery : request.headers['x-amz-content-sha256']
  if (body === undefined) return typeof said === 'string' ? said : presigned ? 'UNSIGNED-PAYLOAD' : ''
  const hash = body.length === 0 ? emptyHash : await hashOfLong(body)
  if (typeof said !== 'string' || said === hash) return presigned && said === undefined ? emptyHash : hash
  return said === 'UNSIGNED-PAYLOAD' ? said : undefined
}

const sliceBytes = 1_048_576

/** Others have their turn while it is made. */
async function hashOfLong(body: Buffer): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < body.length; at += sliceBytes) {
    if (at > 0) await setImmediate()
    hash.update(body.subarray(at, at + sliceBytes))
  }
  return hash.digest('hex')
}

function isSignedBy(
  { request, path }: Exchange,
  { scope, time, signedHeaders, signature }: Claim,
  target: Target,
  isS3: boolean,
  payload: string,
): boolean {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(',')]),
  )
  const asSigned = {
    method: request.method ?? '',
    path: isS3 ? target.path : path,
    query: target.query.filter(([name]) => name !== 'X-Amz-Signature'),
    ...{ headers, payload },
  }
  const secretAccessKey = awsStandIn('').secret
  const own = signatureOf(asSigned, signedHeaders, { secretAccessKey, scope, time })
  return timingSafeEqual(Buffer.from(own), Buffer.from(signature))
}
