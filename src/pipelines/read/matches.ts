import type { Span, Text } from '../model.ts'

/** Something found in a text, at an offset of it. */
export interface Found {
  readonly index: number
  readonly length: number
}

export type Placed<Part> = Part & { readonly span: Span }

/**
 * What `find` finds in what a text means, placed in what is written. Escapes, folding and indentation move things about: where the
 * source does not have the same words in the same order, each has the span of the whole text.
 */
export function placedIn<Part extends Found>(
  source: string,
  text: Text,
  find: (value: string) => readonly Part[],
): Placed<Part>[] {
  const found = find(text.value)
  if (found.length === 0) return []
  const written = source.slice(text.span.start, text.span.end)
  const there = find(written)
  const isSame =
    there.length === found.length &&
    found.every((one, i) => wordsOf(text.value, one) === wordsOf(written, there[i] ?? one))
  return found.map((one, i) => {
    const at = isSame ? there[i] : undefined
    const start = text.span.start + (at?.index ?? 0)
    return { ...one, span: at === undefined ? text.span : { start, end: start + at.length } }
  })
}

function wordsOf(text: string, { index, length }: Found): string {
  return text.slice(index, index + length)
}

export type Match = Found & { readonly groups: readonly (string | undefined)[] }

/** Every match of a pattern in a text, placed likewise. */
export function matchesIn(source: string, text: Text, pattern: RegExp): Placed<Match>[] {
  return placedIn(source, text, (value) =>
    [...value.matchAll(pattern)].map((match) => ({
      index: match.index,
      length: match[0].length,
      groups: [...match],
    })),
  )
}
