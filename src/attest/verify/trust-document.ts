import { envelopeLimits, preAuthEncoding, readEnvelope } from './envelope.ts'
import { isSignedBy } from './ecdsa.ts'
import { fieldsOf, listOf, numberIn, textIn, timeIn, windowIn } from './fields.ts'
import { readJson } from './json.ts'
import { joinTrust, keyOfPem, trustKey, type PublicKey } from './key.ts'
import type { Trust } from './model.ts'
import { answered, Refusal, type Refused } from './refusal.ts'
import { revocationIn } from './revocation.ts'
import { parseTrustedRoot, rootLimits } from './trusted-root.ts'

export const trustDocumentType = 'application/vnd.mayfly.trust+json'

/** As its payload has it. */
export interface TrustDocument {
  readonly version: number
  readonly issued: string
  readonly expires?: string
  /** Who signs the next one: public keys, PEM. */
  readonly root: readonly string[]
  /** Sigstore's form. */
  readonly trustedRoot: unknown
  /** Keys that sign without a certificate. */
  readonly keys?: readonly {
    readonly publicKey: string
    readonly validFor: { start: string; end?: string }
  }[]
  readonly revoked?: readonly {
    readonly key: string
    readonly from: string
    readonly treeSize: number
    readonly log?: string
    readonly reason: string
  }[]
}

export interface OpenedTrust {
  readonly ok: true
  readonly trust: Trust
  readonly version: number
  readonly issuedMs: number
  readonly expiresMs?: number
  /** PEM: what to pin from now on. */
  readonly root: readonly string[]
  /** As others take it. */
  readonly trustedRoot: unknown
}

export interface OpenOptions {
  readonly nowMs?: number
  readonly minVersion?: number
  /** One of the past, by which the root key is followed. */
  readonly mayHaveEnded?: boolean
}

/** Ten thousand revoked keys, several times over. */
const documentLimits = { bytes: 2 * rootLimits.bytes, pieces: 500_000 } as const

/** Clocks of two machines. */
const aheadMs = 300_000

/**
 * A trust document in its envelope, signed by a pinned root key. One that names other root keys is signed by one of those, too: who
 * holds a root key can hand it on, and nobody can hand it to a key that nobody has.
 */
export function openTrustDocument(
  envelope: unknown,
  pinned: readonly string[],
  options: OpenOptions = {},
): OpenedTrust | Refused {
  return answered(() => {
    const { payloadType, signatures, ...read } = readEnvelope(readJson(envelope, envelopeLimits))
    if (payloadType !== trustDocumentType)
      throw new Refusal('unsupported_format', `it is no trust document (${trustDocumentType})`)
    const payload = read.payload()
    const signed = preAuthEncoding(payloadType, payload)
    const isBy = (keys: readonly PublicKey[]) =>
      keys.some(({ key }) => signatures.some((signature) => isSignedBy(key, 'sha256', signed, signature)))
    if (!isBy(pinned.map(keyOfPem)))
      throw new Refusal('wrong_root', 'the root key that is pinned did not sign the trust document')
    const opened = readDocument(payload)
    if (!isBy(opened.root.map(keyOfPem)))
      throw new Refusal('wrong_root', 'the trust document names a new root key, which did not sign it')
    if (opened.version < (options.minVersion ?? 0))
      throw new Refusal(
        'older_version',
        `version ${opened.version} is older than ${options.minVersion}, which was here already`,
      )
    const nowMs = options.nowMs ?? Date.now()
    if (opened.issuedMs > nowMs + aheadMs)
      throw new Refusal(
        'in_future',
        'the trust document was issued at a time that has not come: compare the clocks',
      )
    const hasEnded = nowMs > (opened.expiresMs ?? Number.POSITIVE_INFINITY)
    if (hasEnded && options.mayHaveEnded !== true)
      throw new Refusal(
        'expired',
        'the trust document has expired: fetch the newest, or have the root key sign the next one',
      )
    return opened
  })
}

function optional(list: unknown, what: string, most: number): readonly unknown[] {
  return list === undefined ? [] : listOf(list, what, most)
}

function readDocument(payload: Uint8Array): OpenedTrust {
  const document = fieldsOf(readJson(payload, documentLimits), 'the trust document', [
    ...['version', 'issued', 'expires', 'root', 'trustedRoot', 'keys', 'revoked'],
  ])
  const root = listOf(document['root'], 'the list of root keys', 16).map((one) => textIn(one, 'a root key'))
  if (root.length === 0) throw new Refusal('bad_root', 'the trust document names no root key')
  const keys = optional(document['keys'], 'the list of keys', 1000).map((one) => {
    const { publicKey, validFor } = fieldsOf(one, 'a key', ['publicKey', 'validFor'])
    return trustKey(textIn(publicKey, 'a key'), windowIn(validFor, 'the time of a key'))
  })
  const trusted = joinTrust(parseTrustedRoot(document['trustedRoot']), ...keys)
  const revoked = optional(document['revoked'], 'the list of revoked keys', 10_000).map((one) =>
    revocationIn(one, trusted.logs),
  )
  const { expires } = document
  return {
    ok: true,
    trust: { ...trusted, revoked },
    version: numberIn(document['version'], 'the version'),
    issuedMs: timeIn(document['issued'], 'the time of the trust document'),
    ...(expires === undefined ? {} : { expiresMs: timeIn(expires, 'the end of the trust document') }),
    root,
    trustedRoot: document['trustedRoot'],
  }
}
