import type { Checkout } from '../read/read-checkout.ts'
import type { Ignored, PipelineFinding } from './finding.ts'
import { ignoringOn } from './ignores.ts'
import { isSame } from './same.ts'

export interface LintReport {
  /** By file and place. */
  readonly findings: readonly PipelineFinding[]
  readonly ignored: readonly Ignored[]
}

/**
 * Findings of ours and of other tools as one list: what two found is told once, what a comment ignores is set apart, and a mistake that
 * stands in several places of a file is one finding.
 */
export function reportOf(
  { files }: Checkout,
  own: readonly PipelineFinding[],
  others: readonly PipelineFinding[],
  nowMs: number,
): LintReport {
  const lines = new Map(files.map(({ path, text }) => [path, text.split('\n')]))
  const ignored: Ignored[] = []
  const merged = [
    ...own.map((one) => withSame(one, others)),
    ...others.filter((one) => !own.some((mine) => isSame(mine, one))),
  ]
  const kept = merged.flatMap((finding) => {
    const said = ignoringOn(lines.get(finding.file) ?? [], finding.line, finding.rule.id, nowMs)
    if (said === undefined) return [finding]
    if (!said.ignored) return [{ ...finding, note: said.note }]
    const { reason, until = '' } = said.acceptance
    ignored.push({ finding, reason: reason ?? '', until })
    return []
  })
  return { findings: grouped(kept).toSorted(byPlace), ignored }
}

function withSame(mine: PipelineFinding, others: readonly PipelineFinding[]): PipelineFinding {
  const same = others.filter((one) => isSame(mine, one))
  const severities = [mine, ...same].map(({ severity }) => severity)
  // Who runs the other tool alone would have its severity, too.
  const severity = (['error', 'warning'] as const).find((one) => severities.includes(one)) ?? 'note'
  return { ...mine, severity, also: [...new Set(same.map(({ rule }) => rule.id))] }
}

/** The same words about the same file are one mistake. */
function grouped(findings: readonly PipelineFinding[]): PipelineFinding[] {
  const groups = new Map<string, PipelineFinding[]>()
  for (const one of findings) {
    const key = [one.file, one.rule.id, one.message].join('\0')
    const group = groups.get(key) ?? []
    // A text that is reached through an alias, or inherited, is found by each who uses it.
    if (!group.some(({ line, column }) => line === one.line && column === one.column)) group.push(one)
    groups.set(key, group)
  }
  return [...groups.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return []
    const others = more.map(({ line, column }) => ({ line, column }))
    return [{ ...first, others, also: [...new Set([first, ...more].flatMap(({ also }) => also))] }]
  })
}

function byPlace(a: PipelineFinding, b: PipelineFinding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}
