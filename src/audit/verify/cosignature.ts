import { concatBytes, utf8 } from './bytes.ts'
import type { Verifier } from './key.ts'
import { parseNote, signaturesBy } from './note.ts'

/** What an Ed25519 cosignature covers: two lines, and the checkpoint's text (tlog-cosignature, "Ed25519 signed message"). */
export function cosignatureMessage(timeSeconds: number, checkpointText: string): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timeSeconds}\n${checkpointText}`)
}

/** The signature's bytes in a note: u64 big-endian POSIX time, then the 64 of Ed25519. */
export function encodeCosignature(timeSeconds: number, signature: Uint8Array): Uint8Array {
  const time = new DataView(new ArrayBuffer(8))
  time.setBigUint64(0, BigInt(timeSeconds))
  return concatBytes([new Uint8Array(time.buffer), signature])
}

/**
 * When the key of this verifier (of type `cosignature`) cosigned the note, in POSIX seconds; the latest, if it did
 * so more than once. `undefined` when it did not, or one of its signatures is false or without a time.
 */
export async function verifyCosignature(note: string, verifier: Verifier): Promise<number | undefined> {
  const parsed = parseNote(note)
  if (parsed === undefined || verifier.type !== 'cosignature') return undefined
  let latest: number | undefined
  for (const { signature } of signaturesBy(parsed, verifier)) {
    if (signature.length !== 72) return undefined
    const time = Number(new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0))
    if (!Number.isSafeInteger(time) || time === 0) return undefined
    const message = cosignatureMessage(time, parsed.text)
    if (!(await verifier.check(message, signature.subarray(8)))) return undefined
    latest = Math.max(latest ?? 0, time)
  }
  return latest
}
