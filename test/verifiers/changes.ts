import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { BundleJson, RootJson } from '../../src/attest/verify/shapes.fixture.ts'
import type { World } from '../../src/attest/verify/world.fixture.ts'

/** One bit of what base64 says. */
function flipped(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toString('base64')
}

const entryOf = ({ verificationMaterial: { tlogEntries } }: BundleJson) => tlogEntries[0]!

/** What somebody on the way may do to a bundle. */
export const changes: Readonly<Record<string, (bundle: BundleJson) => unknown>> = {
  'a flipped bit in the payload': ({ dsseEnvelope }) =>
    (dsseEnvelope!.payload = flipped(dsseEnvelope!.payload, 60)),
  'a flipped bit in the signature': ({ dsseEnvelope }) =>
    (dsseEnvelope!.signatures[0]!.sig = flipped(dsseEnvelope!.signatures[0]!.sig, 40)),
  'a flipped bit in the certificate': ({ verificationMaterial: { certificate } }) =>
    (certificate!.rawBytes = flipped(certificate!.rawBytes, 500)),
  'a flipped bit in the timestamp': ({ verificationMaterial: { timestampVerificationData: times } }) => {
    const [only] = times.rfc3161Timestamps
    only!.signedTimestamp = flipped(
      only!.signedTimestamp,
      Buffer.from(only!.signedTimestamp, 'base64').length - 5,
    )
  },
  'a flipped bit in the log entry': (bundle) =>
    (entryOf(bundle).canonicalizedBody = flipped(entryOf(bundle).canonicalizedBody, 150)),
  'the entry is not in the log': (bundle) =>
    (entryOf(bundle).inclusionProof.hashes[0] = flipped(entryOf(bundle).inclusionProof.hashes[0]!, 3)),
  'the checkpoint’s signature is false': (bundle) => {
    const { checkpoint } = entryOf(bundle).inclusionProof
    const [line, name, signature] = checkpoint.envelope.trimEnd().split('\n').at(-1)!.split(' ')
    const text = checkpoint.envelope.slice(0, checkpoint.envelope.lastIndexOf('\u2014'))
    checkpoint.envelope = `${text}${line} ${name} ${flipped(signature!, 20)}\n`
  },
  'it has no log entry': ({ verificationMaterial }) => (verificationMaterial.tlogEntries = []),
  'it has no timestamp': ({ verificationMaterial: { timestampVerificationData: times } }) =>
    (times.rfc3161Timestamps = []),
  'it has two signatures': ({ dsseEnvelope }) =>
    dsseEnvelope!.signatures.push({ ...dsseEnvelope!.signatures[0]! }),
  'it is called a bundle of version 0.1': (bundle) =>
    (bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1'),
  'its entry is called one of a former kind': (bundle) =>
    (entryOf(bundle).kindVersion = { kind: 'intoto', version: '0.0.2' }),
}

const hourMs = 3_600_000

export const roots = {
  /** As the trust document has Sigstore’s verifiers take it: the key ends when it was revoked. */
  revoked(
    { trustedRoot, nowMs }: World,
    which: 'certificateAuthorities' | 'timestampAuthorities',
  ): Partial<RootJson> {
    const time = (ms: number) => new Date(ms).toISOString()
    const validFor = { start: time(nowMs - 20 * hourMs), end: time(nowMs - hourMs) }
    return { [which]: trustedRoot[which].map((one) => ({ ...one, validFor })) }
  },
  withCertificateLog({ trustedRoot, nowMs }: World, key: KeyObject): RootJson {
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
    const validFor = { start: new Date(nowMs - 20 * hourMs).toISOString() }
    const publicKey = { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor }
    const logId = { keyId: createHash('sha256').update(spki).digest('base64') }
    const log = { baseUrl: 'https://ct.test', hashAlgorithm: 'SHA2_256', publicKey, logId }
    return { ...trustedRoot, ctlogs: [log] }
  },
}
