import { base64Of, parseBase64 } from './bytes.ts'
import { hashBytes } from './hash.ts'
import type { Verifier } from './key.ts'
import { verifyNote } from './note.ts'

/** The body of a checkpoint (tlog-checkpoint, "Note text"). */
export interface Checkpoint {
  origin: string
  size: number
  root: Uint8Array
}

/** The text to sign: origin, size and root, one line each. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${base64Of(checkpoint.root)}\n`
}

/** The checkpoint in the text of a note, extension lines ignored; `undefined` when it is none. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', sizeText = '', rootText = '', ...rest] = text.split('\n')
  if (origin === '' || rest.length === 0 || rest.at(-1) !== '' || rest.slice(0, -1).includes(''))
    return undefined
  const size = parseSize(sizeText)
  const root = parseBase64(rootText)
  if (size === undefined || root === undefined || root.length !== hashBytes) return undefined
  return { origin, size, root }
}

/** A size or index in canonical decimal: a leading zero or a plus would be a second text for the same tree. */
export function parseSize(text: string): number | undefined {
  const size = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(size) ? size : undefined
}

export type CheckpointVerdict =
  | { ok: true; checkpoint: Checkpoint }
  | { ok: false; reason: 'malformed' | 'unknown_key' | 'bad_signature' | 'wrong_origin' }

/** A signed checkpoint of the log whose key this is: its origin has to be the key's name. */
export async function verifyCheckpoint(note: string, verifier: Verifier): Promise<CheckpointVerdict> {
  const verdict = await verifyNote(note, verifier)
  if (!verdict.ok) return verdict
  const checkpoint = parseCheckpoint(verdict.text)
  if (checkpoint === undefined) return { ok: false, reason: 'malformed' }
  return checkpoint.origin === verifier.name
    ? { ok: true, checkpoint }
    : { ok: false, reason: 'wrong_origin' }
}
