import { sign, verify } from 'node:crypto'
import { parseBase64 } from './hash.ts'
import type { Signer, Verifier } from './key.ts'

export interface NoteSignature {
  name: string
  keyId: Buffer
  signature: Buffer
}

export interface Note {
  /** What is signed, its last newline included. */
  text: string
  signatures: NoteSignature[]
}

const maxNoteBytes = 65_536
const maxSignatures = 100

/** A note with one signature (signed-note, "Format"). Throws a RangeError unless `text` ends in a newline. */
export function signNote(text: string, signer: Signer): string {
  if (!text.endsWith('\n')) throw new RangeError('the text of a note ends in a newline')
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  return `${text}\n— ${signer.name} ${Buffer.concat([signer.keyId, signature]).toString('base64')}\n`
}

/** The parts of a note, nothing verified; `undefined` for what is not exactly one. At most 64 KB, 100 signatures. */
export function parseNote(note: string): Note | undefined {
  if (Buffer.byteLength(note) > maxNoteBytes || !note.isWellFormed() || /[^\P{Cc}\n]/u.test(note))
    return undefined
  const split = note.lastIndexOf('\n\n')
  if (split === -1 || !note.endsWith('\n')) return undefined
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > maxSignatures) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const match = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/u.exec(line)
    const data = parseBase64(match?.[2] ?? '')
    if (match === null || data === undefined || data.length < 5) return undefined
    signatures.push({ name: match[1] ?? '', keyId: data.subarray(0, 4), signature: data.subarray(4) })
  }
  return { text: note.slice(0, split + 1), signatures }
}

export type NoteVerdict =
  | { ok: true; text: string }
  | { ok: false; reason: 'malformed' | 'unknown_key' | 'bad_signature' }

/**
 * Verifies a note with one key. Signatures of other keys are ignored (signed-note, "Verifying"): without one
 * by this name and key id the answer is `unknown_key`; with one that is false it is `bad_signature`.
 */
export function verifyNote(note: string, verifier: Verifier): NoteVerdict {
  const parsed = parseNote(note)
  if (parsed === undefined) return { ok: false, reason: 'malformed' }
  const ours = parsed.signatures.filter(
    (one) => one.name === verifier.name && one.keyId.equals(verifier.keyId),
  )
  if (ours.length === 0) return { ok: false, reason: 'unknown_key' }
  const text = Buffer.from(parsed.text)
  const valid = ours.every((one) => verify(null, text, verifier.publicKey, one.signature))
  return valid ? { ok: true, text: parsed.text } : { ok: false, reason: 'bad_signature' }
}
