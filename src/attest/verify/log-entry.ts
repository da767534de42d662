import { verify } from 'node:crypto'
import {
  cosignedIn,
  equalBytes,
  keyIdOf,
  leafHash,
  parseCheckpoint,
  parseNote,
  utf8,
  verifyInclusion,
  type Checkpoint,
} from '../../audit/verify/index.ts'
import type { Entry } from './bundle.ts'
import { isWithin } from './fields.ts'
import type { Log, Trust } from './model.ts'
import { Refusal } from './refusal.ts'
import { outside } from './revoked.ts'

/** What a log entry is about: whose signature over what digest. */
export interface EntryContent {
  /** SHA-256 of what was signed. */
  readonly digest: Uint8Array
  readonly signature: Uint8Array
  /** DER of the certificate, or of the public key (SPKI). */
  readonly by: { readonly kind: 'certificate' | 'key'; readonly der: Uint8Array }
}

/**
 * The bytes of a `hashedrekord` entry of version 0.0.2 (Rekor v2) as the JSON Canonicalization Scheme (RFC 8785) has them: names in
 * order, nothing between.
 */
export function canonicalEntry({ digest, signature, by }: EntryContent): Uint8Array {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  const rawBytes = base64(by.der)
  const verifier = by.kind === 'key' ? { publicKey: { rawBytes } } : { x509Certificate: { rawBytes } }
  return utf8(
    JSON.stringify({
      apiVersion: '0.0.2',
      kind: 'hashedrekord',
      spec: {
        hashedRekordV002: {
          data: { algorithm: 'SHA2_256', digest: base64(digest) },
          signature: {
            content: base64(signature),
            verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', ...verifier },
          },
        },
      },
    }),
  )
}

/** The log that holds just this entry, under a checkpoint that it signed. Throws `Refusal`. */
export function verifyEntry(entry: Entry, content: EntryContent, timeMs: number, trust: Trust): Log {
  if (!equalBytes(entry.body, canonicalEntry(content)))
    throw new Refusal('entry_of_other', 'its log entry is about another signature')
  const logs = trust.logs.filter(({ keyId }) => keyId.equals(entry.logKeyId))
  const [first] = logs
  if (first === undefined) throw new Refusal('unknown_log', 'it stands in a log that is not trusted')
  const log = logs.find(({ validFor }) => isWithin(timeMs, validFor))
  if (log === undefined)
    throw outside('outside_log', 'its log', { ...first, keys: [first.spkiSha256], timeMs }, trust)
  const { size, root } = checkpointOf(entry.checkpoint, log)
  const isSame = size === entry.treeSize && equalBytes(root, entry.rootHash)
  const claim = { index: entry.index, size, leaf: leafHash(entry.body), root }
  if (!isSame || !verifyInclusion(claim, entry.hashes))
    throw new Refusal('not_in_log', 'its proof does not show that it stands in the log')
  return log
}

const signedLast = new WeakMap<Log, { readonly envelope: string; readonly checkpoint: Checkpoint }>()

/** Entries that were logged together have one checkpoint: of the very same text the log's signature is verified once. */
function checkpointOf(envelope: string, log: Log): Checkpoint {
  const last = signedLast.get(log)
  if (last?.envelope === envelope) return last.checkpoint
  const checkpoint = verifiedCheckpoint(envelope, log)
  signedLast.set(log, { envelope, checkpoint })
  return checkpoint
}

/** Signatures of others, as witnesses', may stand beside the log's. */
function verifiedCheckpoint(envelope: string, log: Log): Checkpoint {
  const note = parseNote(envelope)
  const checkpoint = note === undefined ? undefined : parseCheckpoint(note.text)
  if (note === undefined || checkpoint === undefined)
    throw new Refusal('bad_checkpoint', 'the checkpoint of its log is none')
  if (checkpoint.origin !== log.name)
    throw new Refusal('bad_checkpoint', 'the checkpoint is of another log than the trusted one')
  const by = (id: Uint8Array) =>
    note.signatures.filter(({ name, keyId }) => name === log.name && equalBytes(keyId, id))
  const ours = by(log.keyId.subarray(0, 4))
  const text = utf8(note.text)
  const raw = log.key.export({ type: 'spki', format: 'der' }).subarray(-32)
  const isCosigned = by(keyIdOf(log.name, 'cosignature', raw)).every((line) => {
    const cosigned = cosignedIn(line.signature, note.text)
    return cosigned !== undefined && verify(null, cosigned.message, log.key, cosigned.signature)
  })
  const isSigned = ours.every(
    ({ signature }) => signature.length === 64 && verify(null, text, log.key, signature),
  )
  if (ours.length === 0 || !isSigned || !isCosigned)
    throw new Refusal('bad_checkpoint', 'its log did not sign the checkpoint')
  return checkpoint
}
