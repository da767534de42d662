import { envelopeLimits, readEnvelope, type Envelope } from './envelope.ts'
import { bytesIn, countIn, fieldsOf, listOf, textIn, type Fields } from './fields.ts'
import { readJson } from './json.ts'
import { Refusal } from './refusal.ts'

/** A Sigstore bundle of version 0.3, read and not verified. */
export interface Bundle {
  readonly by:
    | { readonly kind: 'certificate'; readonly raw: Buffer }
    | { readonly kind: 'key'; readonly hint: string }
  readonly content:
    | { readonly kind: 'statement'; readonly envelope: Envelope }
    | { readonly kind: 'message'; readonly digest: Buffer }
  readonly signature: Buffer
  readonly entry: Entry
  /** DER of a TimeStampResp. */
  readonly timestamp: Buffer
}

/** Of the log, with its proof of inclusion. */
export interface Entry {
  readonly logKeyId: Buffer
  readonly body: Buffer
  readonly index: number
  readonly treeSize: number
  readonly rootHash: Buffer
  readonly hashes: readonly Buffer[]
  readonly checkpoint: string
}

const mediaTypes = [
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
]

/** Of its text, its bytes, or what JSON.parse made of it. Throws `Refusal`. */
export function readBundle(input: unknown): Bundle {
  const fields = fieldsOf(readJson(input, envelopeLimits), 'the bundle')
  if (typeof fields['mediaType'] !== 'string' || !mediaTypes.includes(fields['mediaType']))
    throw new Refusal('unsupported_format', otherThanBundle(fields))
  const { verificationMaterial, dsseEnvelope, messageSignature } = fieldsOf(fields, 'the bundle', [
    ...['mediaType', 'verificationMaterial', 'dsseEnvelope', 'messageSignature'],
  ])
  const material = fieldsOf(verificationMaterial, 'the verification material', [
    ...['certificate', 'publicKey', 'tlogEntries', 'timestampVerificationData'],
  ])
  return {
    by: signerIn(material),
    ...contentIn(dsseEnvelope, messageSignature),
    entry: entryIn(material['tlogEntries']),
    timestamp: timestampIn(material['timestampVerificationData']),
  }
}

function otherThanBundle({ mediaType, payloadType, signatures }: Fields): string {
  if (mediaType === undefined && payloadType !== undefined && signatures !== undefined)
    return 'it is a DSSE envelope alone (as *.intoto.jsonl has them), without the certificate, timestamp and log entry that say who signed it and when: the bundle is needed, FILE.sigstore.json'
  const type = typeof mediaType === 'string' ? mediaType : ''
  const older = /^application\/vnd\.dev\.sigstore\.bundle\+json;version=(0\.[12])$/.exec(type)?.[1]
  return `it is no Sigstore bundle of version 0.3 (${mediaTypes[0]})${older === undefined ? '' : `: it is one of version ${older}, which cosign verify-blob-attestation reads`}`
}

function signerIn({ certificate, publicKey }: Fields): Bundle['by'] {
  if ((certificate === undefined) === (publicKey === undefined))
    throw new Refusal('unsupported_format', 'it has not either a certificate or a public key')
  if (certificate === undefined) {
    const { hint } = fieldsOf(publicKey, 'the public key', ['hint'])
    return { kind: 'key', hint: textIn(hint, 'the hint of the key', 256) }
  }
  const { rawBytes } = fieldsOf(certificate, 'the certificate', ['rawBytes'])
  return { kind: 'certificate', raw: bytesIn(rawBytes, 'the certificate', 16_384) }
}

function contentIn(dsse: unknown, message: unknown): Pick<Bundle, 'content' | 'signature'> {
  if ((dsse === undefined) === (message === undefined))
    throw new Refusal('unsupported_format', 'it has not either an envelope or the signature of a message')
  if (dsse !== undefined) {
    const envelope = readEnvelope(dsse)
    const [signature, ...more] = envelope.signatures
    // Others count one of several, and not always the same one.
    if (signature === undefined || more.length > 0)
      throw new Refusal('several_signatures', 'its envelope has more than one signature')
    // By an id that is not its own some pass over the signature; the certificate or the hint says whose it is.
    if (envelope.keyIds.some((id) => id !== ''))
      throw new Refusal('unsupported_format', 'its signature has the id of a key, which nobody signed')
    return { content: { kind: 'statement', envelope }, signature }
  }
  const fields = fieldsOf(message, 'the message', ['messageDigest', 'signature'])
  const { algorithm, digest } = fieldsOf(fields['messageDigest'], 'the digest', ['algorithm', 'digest'])
  if (algorithm !== 'SHA2_256')
    throw new Refusal('unsupported_format', 'the digest of the message is not SHA2_256')
  return {
    content: { kind: 'message', digest: sized(bytesIn(digest, 'the digest', 32), 'the digest') },
    signature: bytesIn(fields['signature'], 'the signature', 1024),
  }
}

function entryIn(json: unknown): Entry {
  const [only, ...more] = listOf(json ?? [], 'the list of log entries', 16)
  if (only === undefined)
    throw new Refusal(
      'not_in_log',
      'it has no entry of a log: so are those of GitHub’s own instance, for private repositories, which gh attestation verify verifies',
    )
  if (more.length > 0) throw new Refusal('several_entries', 'it has more than one entry of a log')
  const entry = fieldsOf(only, 'the log entry', [
    ...['logIndex', 'logId', 'kindVersion', 'integratedTime', 'inclusionPromise', 'inclusionProof'],
    'canonicalizedBody',
  ])
  const { kind, version } = fieldsOf(entry['kindVersion'], 'the kind of the entry', ['kind', 'version'])
  // A time and a promise are the log's word of former versions, which nobody can hold against its tree.
  const isNow =
    entry['inclusionPromise'] === undefined && countIn(entry['integratedTime'] ?? '0', 'its time') === 0
  if (kind !== 'hashedrekord' || version !== '0.0.2' || !isNow)
    throw new Refusal('unsupported_format', otherThanEntry(kind, version))
  const proof = fieldsOf(entry['inclusionProof'], 'the proof of inclusion', [
    ...['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint'],
  ])
  const index = countIn(proof['logIndex'] ?? '0', 'the index')
  if (countIn(entry['logIndex'] ?? '0', 'the index of the entry') !== index)
    throw new Refusal('not_in_log', 'its log entry has two indexes')
  const { keyId } = fieldsOf(entry['logId'], 'the id of the log', ['keyId'])
  const { envelope } = fieldsOf(proof['checkpoint'], 'the checkpoint', ['envelope'])
  return {
    ...{ index, logKeyId: sized(bytesIn(keyId, 'the id of the log', 32), 'the id of the log') },
    body: bytesIn(entry['canonicalizedBody'], 'the log entry', 32_768),
    treeSize: countIn(proof['treeSize'], 'the size of the tree'),
    rootHash: sized(bytesIn(proof['rootHash'], 'the root', 32), 'the root'),
    hashes: listOf(proof['hashes'] ?? [], 'the proof of inclusion', 64).map((one) =>
      sized(bytesIn(one, 'a hash of the proof', 32), 'a hash of the proof'),
    ),
    checkpoint: textIn(envelope, 'the checkpoint', 65_536),
  }
}

/** What GitHub and npm attest of public repositories is logged by Rekor v1, whose entries hold a promise instead of a proof. */
function otherThanEntry(kind: unknown, version: unknown): string {
  const isKnown = [kind, version].every((one) => typeof one === 'string' && /^[\w.]{1,40}$/.test(one))
  const found = isKnown ? ` (it is ${String(kind)} ${String(version)})` : ''
  return `its log entry is no hashedrekord of version 0.0.2 (Rekor v2)${found}: entries of Rekor v1, as GitHub’s and npm’s attestations have them, are not taken; gh attestation verify and cosign verify-blob-attestation verify those`
}

function sized(bytes: Buffer, what: string): Buffer {
  if (bytes.length !== 32) throw new Refusal('malformed', `${what} has not 32 bytes`)
  return bytes
}

function timestampIn(json: unknown): Buffer {
  const { rfc3161Timestamps } = fieldsOf(json ?? {}, 'the timestamps', ['rfc3161Timestamps'])
  const [only, ...more] = listOf(rfc3161Timestamps ?? [], 'the list of timestamps', 16)
  if (only === undefined) throw new Refusal('bad_timestamp', 'it has no timestamp')
  // Which of two times counts is for nobody to choose.
  if (more.length > 0) throw new Refusal('unsupported_format', 'it has more than one timestamp')
  const { signedTimestamp } = fieldsOf(only, 'the timestamp', ['signedTimestamp'])
  return bytesIn(signedTimestamp, 'the timestamp', 32_768)
}
