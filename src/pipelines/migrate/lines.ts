import type { Span } from '../model.ts'

/** Where the line begins that has this offset. */
export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1
}

/** Behind the line's end; of the last line that has none, the end of the text. */
export function lineEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', at)
  return newline === -1 ? text.length : newline + 1
}

/** How the lines of the text end: as its first one does. */
export function lineBreak(text: string): '\n' | '\r\n' {
  const newline = text.indexOf('\n')
  return newline > 0 && text[newline - 1] === '\r' ? '\r\n' : '\n'
}

/** Spaces up to the column of this offset, so that what is put on a line of its own stands below it. */
export function indentTo(text: string, at: number): string {
  return ' '.repeat(at - lineStart(text, at))
}

/** The lines on which the span stands, whole. */
export function wholeLines(text: string, { start, end }: Span): Span {
  // What ends with a line's end (a block of text) has its last line already.
  const last = end > start && text[end - 1] === '\n' ? end : lineEnd(text, end)
  return { start: lineStart(text, start), end: last }
}

/** Does nothing but blanks stand before it on its line? */
export function beginsLine(text: string, at: number): boolean {
  return /^[ \t]*$/.test(text.slice(lineStart(text, at), at))
}

export function within(inner: Span, outer: Span | undefined): boolean {
  return outer !== undefined && inner.start >= outer.start && inner.end <= outer.end
}

/** Words of a part of the text that could be names of variables, without those of other parts. */
export function namesOutside(text: string, { start, end }: Span, without: readonly Span[]): Set<string> {
  const names = new Set<string>()
  let at = start
  const parts = without
    .filter((one) => one.start < end && one.end > start)
    .toSorted((one, other) => one.start - other.start)
  for (const part of [...parts, { start: end, end }]) {
    for (const [name] of text.slice(at, Math.max(at, part.start)).matchAll(/\w+/g)) names.add(name)
    at = Math.max(at, part.end)
  }
  return names
}
