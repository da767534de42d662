import type { Position } from './model.ts'

const step = 4_096

/** Of the first byte of a file. */
export const fileStart: Position = { line: 1, column: 1, offset: 0 }

/**
 * Tells the place of any byte in a text. It is counted from the last of the marks, one every 4 KB, that were set on the way: a megabyte
 * in one line with a thousand hits is counted through once.
 */
export function placesInText(bytes: Buffer, start: Position): (offset: number) => Position {
  const marks: Position[] = [start]
  return (asked) => {
    const offset = Math.min(Math.max(asked, 0), bytes.length)
    const wanted = Math.floor(offset / step)
    for (let at = marks.length; at <= wanted; at++)
      marks.push(counted(bytes, (at - 1) * step, at * step, marks[at - 1] ?? start))
    return counted(bytes, wanted * step, offset, marks[wanted] ?? start)
  }
}

/** A binary file has no lines. */
export function placesInBinary(start: Position): (offset: number) => Position {
  return (offset) => ({ line: 1, column: start.offset + offset + 1, offset: start.offset + offset })
}

function counted(bytes: Buffer, from: number, to: number, start: Position): Position {
  let { line, column } = start
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0
    // The mark of UTF-8 in front of a file is no character of its first line: no editor counts it.
    if (byte === 0xef && start.offset + (at - from) === 0 && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf)
      continue
    if (byte === 0x0a) {
      line++
      column = 1
    } else if (byte < 0x80) column++
    // UTF-8: a character begins here; those of four bytes are two units of UTF-16.
    else if (byte >= 0xc0) column += byte >= 0xf0 ? 2 : 1
  }
  return { line, column, offset: start.offset + (to - from) }
}
