import type { Span } from '../model.ts'
import type { ViewPair, YamlView } from '../read/yaml-view.ts'
import type { Edit } from './edits.ts'
import { beginsLine, lineEnd, wholeLines } from './lines.ts'

/**
 * Takes one name with its value out of a mapping. With the last one the mapping's own name goes, too: `parent` is the pair whose value
 * the mapping is, `above` the mapping that has that pair.
 */
export function takeOutEntries(
  text: string,
  map: YamlView,
  isTaken: (pair: ViewPair) => boolean,
  reason: string,
  parent?: { readonly pair: ViewPair; readonly above: YamlView },
): Edit[] {
  const own = map.pairs().filter(({ isMerged }) => !isMerged)
  const taken = own.filter(isTaken)
  if (taken.length === 0) return []
  const isAll = taken.length === own.length && own.length === map.pairs().length
  if (isAll && parent !== undefined)
    return takeOutEntries(
      text,
      parent.above,
      ({ key }) => key.span.start === parent.pair.key.span.start,
      reason,
    )
  const gone = new Set(taken.map(({ span }) => span.start))
  return isFlow(text, map)
    ? flowEdits(text, map, own, gone, reason)
    : own.flatMap((pair, i) => (gone.has(pair.span.start) ? [blockEdit(text, own, i, reason)] : []))
}

export function isFlow(text: string, view: YamlView): boolean {
  return text[view.span.start] === '{' || text[view.span.start] === '['
}

function blockEdit(text: string, pairs: readonly ViewPair[], i: number, reason: string): Edit {
  const pair = pairs[i]
  if (pair === undefined) throw new RangeError('no such entry')
  if (beginsLine(text, pair.span.start)) return { ...wholeLines(text, pair.span), text: '', reason }
  // `- env: ...`: what comes below it takes its place behind the dash.
  const next = pairs[i + 1]
  const between = next === undefined ? '' : text.slice(pair.span.end, next.span.start)
  if (next !== undefined && !between.includes('#'))
    return { start: pair.span.start, end: next.span.start, text: '', reason }
  const value = text.slice(pair.key.span.end, pair.span.end)
  return {
    start: pair.key.span.end,
    end: pair.span.end,
    text: value.endsWith('\n') ? ': {}\n' : ': {}',
    reason,
  }
}

/** `{ a: 1, b: 2 }`: a comma goes with it. */
function flowEdits(
  text: string,
  map: YamlView,
  pairs: readonly ViewPair[],
  gone: ReadonlySet<number>,
  reason: string,
): Edit[] {
  const left = pairs.filter(({ span }) => !gone.has(span.start))
  if (left.length === 0) return [{ start: map.span.start + 1, end: map.span.end - 1, text: '', reason }]
  return pairs
    .flatMap((pair, i): Edit[] => {
      if (!gone.has(pair.span.start)) return []
      const next = pairs[i + 1]
      if (next !== undefined) return [{ start: pair.span.start, end: next.span.start, text: '', reason }]
      // The last of them, and those before it that go, too: back to the end of what stays.
      const before = pairs.slice(0, i).findLast(({ span }) => !gone.has(span.start))
      return [{ start: before?.span.end ?? pair.span.start, end: pair.span.end, text: '', reason }]
    })
    .filter((edit, i, all) => !all.some((one, j) => j !== i && one.start <= edit.start && one.end > edit.end))
}

/** One entry of a list, with its dash and its whole lines; undefined where it does not begin a line of its own. */
export function takeOutItem(text: string, item: Span, reason: string): Edit | undefined {
  const dash = text.lastIndexOf('-', item.start)
  if (dash === -1 || !/^-[ \t]*$/.test(text.slice(dash, item.start)) || !beginsLine(text, dash))
    return undefined
  const end = text[item.end - 1] === '\n' ? item.end : lineEnd(text, item.end)
  return { start: wholeLines(text, { start: dash, end: dash }).start, end, text: '', reason }
}
