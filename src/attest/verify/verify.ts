import { createHash } from 'node:crypto'
import { readBundle, type Bundle } from './bundle.ts'
import type { Certificate } from './certificate.ts'
import { isSignedBy } from './ecdsa.ts'
import { preAuthEncoding, statementType } from './envelope.ts'
import { isWithin } from './fields.ts'
import { sha256Hex, type PublicKey } from './key.ts'
import { issuerOf, readLeaf } from './leaf.ts'
import { verifyEntry, type EntryContent } from './log-entry.ts'
import type { Signer, SignerIdentity, Trust, TrustedKey, Verified } from './model.ts'
import { isDigestSignedBy } from './p256.ts'
import { answered, Refusal, type Refused } from './refusal.ts'
import { keyIdsOf, outside, revokedBy } from './revoked.ts'
import { readStatement } from './statement.ts'
import { verifyTimestamp } from './timestamp.ts'

/** Clocks of two machines. */
const aheadMs = 300_000

/**
 * Whether a bundle (its text, its bytes, or what JSON.parse made of it) was signed by somebody who is trusted, at a time that a
 * trusted authority saw, and stands in a trusted log. Never throws for what it is handed as a bundle.
 *
 * Of the signature of a file the digest is what is verified: whether it is that file's is the caller's to compare.
 */
export function verifyBundle(
  input: unknown,
  trust: Trust,
  options: { readonly nowMs?: number } = {},
): Verified | Refused {
  return answered(() => {
    const bundle = readBundle(input)
    const { timeMs, authority } = verifyTimestamp(bundle.timestamp, bundle.signature, trust)
    if (timeMs > (options.nowMs ?? Date.now()) + aheadMs)
      throw new Refusal('in_future', 'its timestamp is of a time that has not come: compare the clocks')
    const { signer, key, by, chain } = signerOf(bundle.by, timeMs, trust)
    const signed = verifyContent(bundle, key)
    const content: EntryContent = { digest: signed.digest, signature: bundle.signature, by }
    const log = verifyEntry(bundle.entry, content, timeMs, trust)
    const keys = [...keyIdsOf([...chain, ...authority.chain]), sha256Hex(key.spki), log.spkiSha256]
    const { index } = bundle.entry
    const refusal = revokedBy(keys, { timeMs, place: { index, log } }, trust)
    if (refusal !== undefined) throw refusal
    return { ok: true, ...signed.what, signer, timeMs, logIndex: index } as const
  })
}

/**
 * Whether a certificate is one of a trusted authority, which may sign now: for whoever is given one, before he signs by it. Never throws
 * for what it is handed as a certificate.
 */
export function verifyCertificate(
  certificate: Uint8Array,
  trust: Trust,
  nowMs: number,
): { readonly ok: true; readonly identity: SignerIdentity } | Refused {
  return answered(() => {
    const leaf = readLeaf(certificate)
    issuerOf(leaf.certificate, nowMs, trust)
    return { ok: true, identity: leaf.identity } as const
  })
}

/** Whether a trusted authority gave these bytes a time: for whoever asked it, before he relies on it. Never throws. */
export function checkTimestamp(
  response: Uint8Array,
  bytes: Uint8Array,
  trust: Trust,
): { readonly ok: true; readonly timeMs: number } | Refused {
  return answered(() => ({ ok: true, timeMs: verifyTimestamp(response, bytes, trust).timeMs }) as const)
}

interface FoundSigner {
  readonly signer: Signer
  readonly key: Pick<PublicKey, 'key' | 'spki'>
  readonly by: EntryContent['by']
  /** Who vouches for it. */
  readonly chain: readonly Certificate[]
}

function signerOf(by: Bundle['by'], timeMs: number, trust: Trust): FoundSigner {
  if (by.kind === 'key') {
    const key = keyOf(by.hint, timeMs, trust)
    const signer = { kind: 'key', keyId: key.keyId } as const
    return { signer, key, by: { kind: 'key', der: key.spki }, chain: [] }
  }
  const { certificate, identity } = readLeaf(by.raw)
  const { chain } = issuerOf(certificate, timeMs, trust)
  const signer = { kind: 'certificate', identity, certificate: certificate.raw } as const
  return { signer, key: certificate, by: { kind: 'certificate', der: certificate.raw }, chain }
}

/** The hint is the SHA-256 of the public key in base64, as cosign writes it, or in hex. */
function keyOf(hint: string, timeMs: number, trust: Trust): TrustedKey {
  const named = trust.keys.filter(
    ({ keyId }) => hint === keyId || hint === Buffer.from(keyId, 'hex').toString('base64'),
  )
  const [first] = named
  if (first === undefined)
    throw new Refusal(
      'unknown_key',
      'a key signed it that is not trusted; keys that sign without a certificate stand in the trust document, not in a trusted root of Sigstore',
    )
  const key = named.find(({ validFor }) => isWithin(timeMs, validFor))
  if (key !== undefined) return key
  throw outside('outside_key', 'its key', { ...first, keys: [first.keyId], timeMs }, trust)
}

function verifyContent(
  { content, signature }: Bundle,
  { key }: FoundSigner['key'],
): { digest: Buffer; what: Pick<Verified, 'statement' | 'statementBytes' | 'message'> } {
  const refusal = () => new Refusal('bad_signature', 'its signature does not hold')
  if (content.kind === 'message') {
    if (!isDigestSignedBy(key, content.digest, signature)) throw refusal()
    return { digest: content.digest, what: { message: { digest: content.digest } } }
  }
  const { payloadType } = content.envelope
  const payload = content.envelope.payload()
  const signed = preAuthEncoding(payloadType, payload)
  if (!isSignedBy(key, 'sha256', signed, signature)) throw refusal()
  if (payloadType !== statementType)
    throw new Refusal(
      'unsupported_format',
      `the payload is no in-toto statement: ${JSON.stringify(payloadType)}`,
    )
  const digest = createHash('sha256').update(signed).digest()
  return { digest, what: { statement: readStatement(payload), statementBytes: payload } }
}
