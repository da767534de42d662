import { base64Of, parseBase64 } from './bytes.ts'
import { hashBytes } from './hash.ts'
import { parseNote } from './note.ts'

/** A proof that one signed checkpoint's tree is a prefix of another's, verifiable offline. */
export interface ConsistencyProof {
  /** Both signed checkpoints, cosignatures included, verbatim. */
  older: string
  newer: string
  /** As RFC 6962, section 2.1.2, orders them; none for an empty older tree, or for two of one size. */
  hashes: Uint8Array[]
}

const header = 'mayfly-consistency/v1'
const maxProofHashes = 64

/** The header, a line for each hash, then the older and the newer note, each behind an empty line. */
export function formatConsistencyProof({ older, newer, hashes }: ConsistencyProof): string {
  return `${[header, ...hashes.map((hash) => base64Of(hash))].join('\n')}\n\n${older}\n${newer}`
}

/** The parts of such a file, nothing verified; `undefined` for what is not exactly one. */
export function parseConsistencyProof(text: string): ConsistencyProof | undefined {
  // Texts of checkpoints have no empty lines, so these are the head, and text and signatures of both.
  const [head = '', olderText, olderSignatures, newerText, newerSignatures, ...more] = text.split('\n\n')
  if (newerSignatures === undefined || more.length > 0) return undefined
  const older = `${olderText}\n\n${olderSignatures}\n`
  const newer = `${newerText}\n\n${newerSignatures}`
  const [first, ...lines] = head.split('\n')
  if (first !== header || parseNote(older) === undefined || parseNote(newer) === undefined) return undefined
  const hashes = lines.map(parseBase64)
  if (hashes.length > maxProofHashes || !hashes.every(isHash)) return undefined
  return { older, newer, hashes }
}

function isHash(hash: Uint8Array | undefined): hash is Uint8Array {
  return hash?.length === hashBytes
}
