import { hashBytes, parseBase64 } from './hash.ts'
import type { Verifier } from './key.ts'
import { verifyNote } from './note.ts'

/** The body of a checkpoint (tlog-checkpoint, "Note text"). */
export interface Checkpoint {
  origin: string
  size: number
  root: Buffer
}

/** The text to sign: origin, size and root, one line each. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`
}

/** The checkpoint in the text of a note, extension lines ignored; `undefined` when it is none. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', sizeText = '', rootText = '', ...rest] = text.split('\n')
  if (origin === '' || rest.length === 0 || rest.at(-1) !== '' || rest.slice(0, -1).includes(''))
    return undefined
  // Canonical decimal: a leading zero or a plus would be a second text for the same tree.
  if (!/^(?:0|[1-9]\d{0,15})$/.test(sizeText)) return undefined
  const size = Number(sizeText)
  const root = parseBase64(rootText)
  if (!Number.isSafeInteger(size) || root === undefined || root.length !== hashBytes) return undefined
  return { origin, size, root }
}

export type CheckpointVerdict =
  | { ok: true; checkpoint: Checkpoint }
  | { ok: false; reason: 'malformed' | 'unknown_key' | 'bad_signature' | 'wrong_origin' }

/** A signed checkpoint of the log whose key this is: its origin has to be the key's name. */
export function verifyCheckpoint(note: string, verifier: Verifier): CheckpointVerdict {
  const verdict = verifyNote(note, verifier)
  if (!verdict.ok) return verdict
  const checkpoint = parseCheckpoint(verdict.text)
  if (checkpoint === undefined) return { ok: false, reason: 'malformed' }
  return checkpoint.origin === verifier.name
    ? { ok: true, checkpoint }
    : { ok: false, reason: 'wrong_origin' }
}
