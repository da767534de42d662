import type { Span } from '../model.ts'

/** What takes the place of a part of the file, and why. */
export interface Edit extends Span {
  readonly text: string
  readonly reason: string
}

/** Two edits want the same place: one would be lost, and the file come out broken. */
export class OverlappingEdits extends Error {
  constructor() {
    super('two of the changes would be in the same place')
  }
}

/** The text with the edits in it; every other character stays as it is. Throws OverlappingEdits. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let at = 0
  const parts: string[] = []
  for (const edit of sortedEdits(edits)) {
    parts.push(text.slice(at, edit.start), edit.text)
    at = edit.end
  }
  return parts.join('') + text.slice(at)
}

/** In the order of the file. What is taken out within something that is taken out is taken out once. */
export function sortedEdits(edits: readonly Edit[]): Edit[] {
  const kept: Edit[] = []
  const order = edits.toSorted(
    (one, other) =>
      one.start - other.start ||
      // What is put in before something comes before what becomes of that.
      Number(isPutIn(other)) - Number(isPutIn(one)) ||
      other.end - one.end,
  )
  for (const edit of order) {
    const before = kept.at(-1)
    if (before !== undefined && edit.start < before.end) {
      if (edit.end > before.end || edit.text !== '' || before.text !== '') throw new OverlappingEdits()
      continue
    }
    kept.push(edit)
  }
  return kept
}

function isPutIn({ start, end }: Edit): boolean {
  return start === end
}
