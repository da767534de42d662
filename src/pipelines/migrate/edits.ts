import type { Span } from '../model.ts'

/** What takes the place of a part of the file, and why. */
export interface Edit extends Span {
  readonly text: string
  readonly reason: string
}

/**
 * The text with the edits in it; every other character stays as it is. Of edits that lie within another one the outer one counts. Throws
 * if two overlap otherwise: the file would come out broken.
 */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let at = 0
  const parts: string[] = []
  for (const edit of sortedEdits(edits)) {
    parts.push(text.slice(at, edit.start), edit.text)
    at = edit.end
  }
  return parts.join('') + text.slice(at)
}

/** In the order of the file, without those that lie within others. */
export function sortedEdits(edits: readonly Edit[]): Edit[] {
  const kept: Edit[] = []
  const order = edits.toSorted((one, other) => one.start - other.start || other.end - one.end)
  for (const edit of order) {
    const before = kept.at(-1)
    if (before !== undefined && edit.start < before.end) {
      if (edit.end > before.end) throw new Error(`edits overlap at ${edit.start}`)
      continue
    }
    kept.push(edit)
  }
  return kept
}
