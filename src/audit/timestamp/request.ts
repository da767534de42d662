import { DerError, type DerNode, oidOf, readDer, tags, unsignedOf } from '../../der/index.ts'
import { imprintBytes, oids } from './oids.ts'

/** What somebody wants a timestamp for. */
export interface TimestampRequest {
  /** The algorithm (an OID) and the hash, as the request has them. */
  readonly imprint: { readonly algorithm: string; readonly hash: Buffer }
  /** As it was written; it comes back unchanged. */
  readonly nonce: Buffer | undefined
  readonly wantsCertificate: boolean
}

/** Bits of PKIFailureInfo (RFC 3161, section 2.4.2). */
export const failures = {
  ...{ badAlgorithm: 0, badRequest: 2, badDataFormat: 5, timeNotAvailable: 14 },
  ...{ unacceptedPolicy: 15, unacceptedExtension: 16 },
} as const

export type Failure = keyof typeof failures

export type ParsedRequest =
  | { readonly ok: true; readonly request: TimestampRequest }
  | { readonly ok: false; readonly failure: Failure; readonly message: string }

/** A nonce is a random number; nobody takes more than this for one. */
const maxNonceBytes = 64

/** A TimeStampReq (RFC 3161, section 2.4.1) in DER. Never throws. */
export function parseRequest(bytes: Uint8Array): ParsedRequest {
  try {
    return readRequest(readDer(bytes))
  } catch (error) {
    if (!(error instanceof DerError)) throw error
    return refused('badDataFormat', `not a TimeStampReq in DER: ${error.message}`)
  }
}

function readRequest(node: DerNode): ParsedRequest {
  if (node.tag !== tags.sequence) return refused('badDataFormat', 'a TimeStampReq is a sequence')
  const [version, imprintNode, ...rest] = node.children()
  if (unsignedOf(version) !== 1n) return refused('badRequest', 'only version 1 is known')
  const imprint = readImprint(imprintNode)
  if (imprint === undefined)
    return refused('badAlgorithm', 'the imprint has to be of SHA-256, SHA-384 or SHA-512, in its length')
  const policy = take(rest, tags.oid)
  const nonce = take(rest, tags.integer)
  const certReq = take(rest, tags.boolean)
  if (policy !== undefined && oidOf(policy) !== oids.anyPolicy)
    return refused('unacceptedPolicy', `the one policy here is ${oids.anyPolicy}: ask for none`)
  if (rest.length > 0 && rest[0]?.tag === 0xa0)
    return refused('unacceptedExtension', 'no extension is known here')
  if (rest.length > 0) return refused('badDataFormat', 'there is more in it than a TimeStampReq has')
  if (nonce !== undefined && (nonce.content.length === 0 || nonce.content.length > maxNonceBytes))
    return refused('badRequest', `a nonce has 1 to ${maxNonceBytes} bytes`)
  // FALSE is the default, and DER leaves a default out.
  if (certReq !== undefined && !certReq.content.equals(Buffer.of(0xff)))
    return refused('badDataFormat', 'certReq is TRUE or left out')
  return {
    ok: true,
    request: { imprint, nonce: nonce?.whole, wantsCertificate: certReq !== undefined },
  }
}

/** The next value, if it has this tag. */
function take(nodes: DerNode[], tag: number): DerNode | undefined {
  return nodes[0]?.tag === tag ? nodes.shift() : undefined
}

function readImprint(node: DerNode | undefined): TimestampRequest['imprint'] | undefined {
  const [algorithmNode, hashNode, ...more] = node?.tag === tags.sequence ? node.children() : []
  if (algorithmNode?.tag !== tags.sequence || hashNode?.tag !== tags.octets || more.length > 0)
    return undefined
  const [oid, parameters, ...rest] = algorithmNode.children()
  // Left out or NULL (RFC 5754, section 2).
  const isPlain =
    parameters === undefined || (parameters.tag === tags.null && parameters.content.length === 0)
  const algorithm = oidOf(oid)
  if (!isPlain || rest.length > 0 || imprintBytes.get(algorithm) !== hashNode.content.length) return undefined
  return { algorithm, hash: hashNode.content }
}

function refused(failure: Failure, message: string): ParsedRequest {
  return { ok: false, failure, message }
}
