import { concatBytes, utf8 } from './bytes.ts'
import { cosignerOf, type Verifier } from './key.ts'
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
    const cosigned = cosignedIn(signature, parsed.text)
    if (cosigned === undefined || !(await verifier.check(cosigned.message, cosigned.signature)))
      return undefined
    latest = Math.max(latest ?? 0, cosigned.time)
  }
  return latest
}

/** What the signature of such a line is over; `undefined` for one without a time. */
export function cosignedIn(
  line: Uint8Array,
  text: string,
): { time: number; message: Uint8Array; signature: Uint8Array } | undefined {
  if (line.length !== 72) return undefined
  const time = Number(new DataView(line.buffer, line.byteOffset, 8).getBigUint64(0))
  if (!Number.isSafeInteger(time) || time === 0) return undefined
  return { time, message: cosignatureMessage(time, text), signature: line.subarray(8) }
}

/** The key of a log counts as two: of a note that has its line with a time, that one has to be valid, too. */
export async function isFalselyCosigned(note: string, log: Verifier): Promise<boolean> {
  const [parsed, cosigner] = [parseNote(note), cosignerOf(log)]
  if (parsed === undefined || signaturesBy(parsed, cosigner).length === 0) return false
  return (await verifyCosignature(note, cosigner)) === undefined
}
