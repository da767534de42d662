import { applyEdits, sortedEdits, type Edit } from './edits.ts'
import { lineEnd, lineStart } from './lines.ts'

const contextLines = 3

interface Change {
  /** Lines of the old text, counted from 0; the end is not among them. */
  readonly start: number
  readonly to: number
  readonly added: readonly string[]
  readonly reasons: readonly string[]
}

/** A unified diff of what the edits do, with the reasons behind the places of each hunk, where `patch` and Git take any text. */
export function unifiedDiff(path: string, text: string, edits: readonly Edit[]): string {
  const lines = linesOf(text)
  const hunks = hunksOf(changesOf(text, edits), lines.length)
  let shift = 0
  const parts = hunks.map((changes) => {
    const written = writeHunk(lines, changes, shift)
    shift += written.grown
    return written.text
  })
  return parts.length === 0
    ? ''
    : [`--- ${named(`a/${path}`)}\n+++ ${named(`b/${path}`)}\n`, ...parts].join('')
}

/** As Git quotes names that a line of a diff could not have (git-config, core.quotePath). */
function named(path: string): string {
  // eslint-disable-next-line no-control-regex
  if (!/[\x00-\x1f\x7f"\\]/.test(path)) return path
  const octal = (char: string) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`
  // eslint-disable-next-line no-control-regex
  return `"${path.replaceAll(/["\\]/g, '\\$&').replaceAll(/[\x00-\x1f\x7f]/g, octal)}"`
}

/** Edits that touch the same lines are one change. */
function changesOf(text: string, edits: readonly Edit[]): Change[] {
  const starts = startsOf(text)
  const lineOf = (at: number) => indexOfLine(starts, at)
  const groups: { start: number; end: number; edits: Edit[] }[] = []
  for (const edit of sortedEdits(edits)) {
    const start = lineStart(text, edit.start)
    const isWhole = edit.end > edit.start && text[edit.end - 1] === '\n'
    // Whole lines that are put before a line leave that line alone.
    const isBefore = edit.start === edit.end && edit.start === start && edit.text.endsWith('\n')
    const end = isWhole || isBefore ? edit.end : lineEnd(text, edit.end)
    const last = groups.at(-1)
    if (last !== undefined && start < last.end) {
      last.end = Math.max(last.end, end)
      last.edits.push(edit)
    } else groups.push({ start, end, edits: [edit] })
  }
  return groups.map(({ start, end, edits: own }) => {
    const moved = own.map((edit) => ({ ...edit, start: edit.start - start, end: edit.end - start }))
    return {
      ...changedLines(
        lineOf(start),
        linesOf(text.slice(start, end)),
        linesOf(applyEdits(text.slice(start, end), moved)),
      ),
      reasons: [...new Set(own.map(({ reason }) => reason))],
    }
  })
}

/** Lines that come out as they were are none of the change. */
function changedLines(
  at: number,
  old: readonly string[],
  added: readonly string[],
): Pick<Change, 'start' | 'to' | 'added'> {
  let first = 0
  while (first < Math.min(old.length, added.length) && old[first] === added[first]) first++
  let last = 0
  while (
    last < Math.min(old.length, added.length) - first &&
    old[old.length - 1 - last] === added[added.length - 1 - last]
  )
    last++
  return { start: at + first, to: at + old.length - last, added: added.slice(first, added.length - last) }
}

function hunksOf(changes: readonly Change[], total: number): Change[][] {
  const hunks: Change[][] = []
  for (const change of changes) {
    const before = hunks.at(-1)?.at(-1)
    if (before !== undefined && change.start - Math.min(before.to, total) <= 2 * contextLines)
      hunks.at(-1)?.push(change)
    else hunks.push([change])
  }
  return hunks
}

function writeHunk(
  lines: readonly string[],
  changes: readonly Change[],
  shift: number,
): { readonly text: string; readonly grown: number } {
  const first = Math.max(0, (changes[0]?.start ?? 0) - contextLines)
  const last = Math.min(lines.length, (changes.at(-1)?.to ?? 0) + contextLines)
  const body: string[] = []
  let at = first
  let grown = 0
  for (const { start, to, added } of changes) {
    body.push(...marked(' ', lines.slice(at, start)))
    body.push(...marked('-', lines.slice(start, to)), ...marked('+', added))
    grown += added.length - (to - start)
    at = to
  }
  body.push(...marked(' ', lines.slice(at, last)))
  const reasons = [...new Set(changes.flatMap((change) => change.reasons))].join('; ')
  const count = last - first
  const place = `@@ -${count === 0 ? 0 : first + 1},${count} +${first + 1 + shift},${count + grown} @@`
  return { text: `${place} ${reasons}\n${body.join('')}`, grown }
}

function marked(mark: string, lines: readonly string[]): string[] {
  return lines.map(
    (line) => `${mark}${line.endsWith('\n') ? line : `${line}\n\\ No newline at end of file\n`}`,
  )
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

function startsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function indexOfLine(starts: readonly number[], at: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return low
}
