import { base64Of, concatBytes, equalBytes, parseBase64, utf8 } from './bytes.ts'
import type { Verifier } from './key.ts'

export interface NoteSignature {
  name: string
  /** Four bytes. */
  keyId: Uint8Array
  signature: Uint8Array
}

export interface Note {
  /** What is signed, its last newline included. */
  text: string
  signatures: NoteSignature[]
}

const maxNoteBytes = 65_536
const maxSignatures = 100

/** The line of a signature as a note holds it, its newline included. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `\u2014 ${name} ${base64Of(concatBytes([keyId, signature]))}\n`
}

/** The signatures in lines, nothing verified; `undefined` unless every line, newline included, is one. */
export function parseSignatureLines(lines: string): NoteSignature[] | undefined {
  const signatures: NoteSignature[] = []
  if (!lines.endsWith('\n')) return undefined
  for (const line of lines.slice(0, -1).split('\n')) {
    const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)$/u.exec(line)
    const data = parseBase64(match?.[2] ?? '')
    if (match === null || data === undefined || data.length < 5) return undefined
    signatures.push({ name: match[1] ?? '', keyId: data.subarray(0, 4), signature: data.subarray(4) })
    if (signatures.length > maxSignatures) return undefined
  }
  return signatures
}

/** The parts of a note, nothing verified; `undefined` for what is not exactly one. At most 64 KB, 100 signatures. */
export function parseNote(note: string): Note | undefined {
  if (note.length > maxNoteBytes || utf8(note).length > maxNoteBytes) return undefined
  if (!note.isWellFormed() || /[^\P{Cc}\n]/u.test(note)) return undefined
  const split = note.lastIndexOf('\n\n')
  if (split === -1) return undefined
  const signatures = parseSignatureLines(note.slice(split + 2))
  return signatures === undefined ? undefined : { text: note.slice(0, split + 1), signatures }
}

export type NoteVerdict =
  | { ok: true; text: string }
  | { ok: false; reason: 'malformed' | 'unknown_key' | 'bad_signature' }

/**
 * Verifies a note with one key. Signatures of other keys are ignored (signed-note, "Verifying"): without one
 * by this name and key id the answer is `unknown_key`; with one that is false it is `bad_signature`.
 */
export async function verifyNote(note: string, verifier: Verifier): Promise<NoteVerdict> {
  const parsed = parseNote(note)
  if (parsed === undefined) return { ok: false, reason: 'malformed' }
  const ours = signaturesBy(parsed, verifier)
  if (ours.length === 0) return { ok: false, reason: 'unknown_key' }
  const text = utf8(parsed.text)
  for (const { signature } of ours) {
    if (!(await verifier.check(text, signature))) return { ok: false, reason: 'bad_signature' }
  }
  return { ok: true, text: parsed.text }
}

/** The signatures that claim to be by this key. */
export function signaturesBy(note: Note, verifier: Verifier): NoteSignature[] {
  return note.signatures.filter((one) => one.name === verifier.name && equalBytes(one.keyId, verifier.keyId))
}
