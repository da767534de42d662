import { createView, type View } from './view.ts'
import { printable } from './wide.ts'

const leastCharacters = 8
const newline = Buffer.from('\n')

/** Texts in UTF-16 within a binary file, as programs of Windows have them: each in a line of its own. Undefined if there are none. */
export function utf16Runs(bytes: Buffer, from: number, to: number): View | undefined {
  let view: View | undefined
  const apart = 2 * leastCharacters - 1
  // Each run has one of these bytes, and the next one of it, too.
  for (let probe = from; probe < to + apart && probe + 1 < bytes.length; probe += apart) {
    // Of a run, one of two neighbours is the zero of a character.
    const at = bytes[probe + 1] === 0 ? probe : bytes[probe] === 0 ? probe - 1 : -1
    if (at < from || printable[bytes[at] as number] === 0) continue
    const start = firstOf(bytes, at, from)
    const end = endOf(bytes, at)
    if (start < to && end - start >= 2 * leastCharacters) {
      view ??= createView()
      view.add(Buffer.from(bytes.toString('utf16le', start, end), 'latin1'), start, 'utf-16')
      view.add(newline, end, 'as is')
    }
    probe = Math.max(probe, end - 1)
  }
  return view
}

function firstOf(bytes: Buffer, at: number, from: number): number {
  let start = at
  while (start >= from + 2 && bytes[start - 1] === 0 && printable[bytes[start - 2] as number] === 1)
    start -= 2
  return start
}

function endOf(bytes: Buffer, at: number): number {
  let end = at + 2
  while (end + 1 < bytes.length && bytes[end + 1] === 0 && printable[bytes[end] as number] === 1) end += 2
  return end
}
