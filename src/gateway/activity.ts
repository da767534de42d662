import type { StepId } from '../lib/index.ts'

/** What a step reached and what it was refused, in a few words each: for the table, and for its last entry. */
export interface Activity {
  readonly granted: readonly Counted[]
  readonly denied: readonly (Counted & { readonly reason: string })[]
}

/** Refusals in the words that the step was told, beyond those that its supervisor knows. */
export interface Refusals {
  readonly lines: readonly string[]
  /** What is known with these. */
  readonly next: number
  /** How many were refused since the last question that have no line, since there are too many. */
  readonly more: number
}

interface Counted {
  readonly what: string
  readonly count: number
}

/** Different things remembered per step; a step that tries more has them counted under `more`. */
const maxKinds = 60
/** Characters kept of each, so that a step's last entry fits into the log whatever it tried. */
const maxChars = 240

/** Lines remembered per step, each of another thing or reason; what comes after them is counted. */
const maxLines = 200
/** Of these for one and the same reason: that a role may not install is not told of each of 300 packages. */
const maxLinesOfReason = 5
const maxLineChars = 1_000

export interface ActivityRecord {
  granted(step: StepId, what: string): void
  /** `line`: what the step was told. */
  denied(step: StepId, what: string, reason: string, line: string): void
  /** Something else that the step is to know of, such as that it waits. */
  told(step: StepId, line: string): void
  /** What the supervisor has not seen. It asks this process, which carries the step's traffic. */
  refusals(step: StepId, seen: number): Refusals
  onRefusal(listener: (step: StepId) => void): void
  of(step: StepId): Activity
  forget(step: StepId): void
}

interface Known {
  readonly granted: Map<string, number>
  readonly denied: Map<string, { count: number; reason: string }>
  /** By what was refused and why. */
  readonly lines: Map<string, string>
  readonly linesOfReason: Map<string, number>
  more: number
}

export function createActivityRecord(): ActivityRecord {
  const steps = new Map<StepId, Known>()
  const listeners: ((step: StepId) => void)[] = []
  const of = (id: StepId): Known => {
    const known = steps.get(id) ?? {
      granted: new Map(),
      denied: new Map(),
      lines: new Map(),
      linesOfReason: new Map(),
      more: 0,
    }
    steps.set(id, known)
    return known
  }

  function addLine({ lines, linesOfReason }: Known, what: string, reason: string, line: string): boolean {
    const key = `${what}\0${reason}`
    if (lines.has(key)) return true
    const ofReason = linesOfReason.get(reason) ?? 0
    if (lines.size >= maxLines || ofReason >= maxLinesOfReason) return false
    linesOfReason.set(reason, ofReason + 1)
    lines.set(key, line.slice(0, maxLineChars))
    return true
  }

  return {
    granted(step, named) {
      const what = named.slice(0, maxChars)
      const { granted } = of(step)
      const key = granted.has(what) || granted.size < maxKinds ? what : 'more'
      granted.set(key, (granted.get(key) ?? 0) + 1)
    },
    denied(step, named, why, line) {
      const what = named.slice(0, maxChars)
      const reason = why.slice(0, maxChars)
      const known = of(step)
      const { denied } = known
      const key = denied.has(what) || denied.size < maxKinds ? what : 'more'
      denied.set(key, { count: (denied.get(key)?.count ?? 0) + 1, reason })
      if (!addLine(known, what, reason, line)) known.more++
      for (const listener of listeners) listener(step)
    },
    told(step, line) {
      const known = of(step)
      if (!addLine(known, line, line, line)) known.more++
      for (const listener of listeners) listener(step)
    },
    of(step) {
      const known = steps.get(step)
      return {
        granted: [...(known?.granted ?? [])].map(([what, count]) => ({ what, count })),
        denied: [...(known?.denied ?? [])].map(([what, { count, reason }]) => ({ what, count, reason })),
      }
    },
    refusals(step, seen) {
      const known = steps.get(step)
      if (known === undefined) return { lines: [], next: 0, more: 0 }
      const { more } = known
      known.more = 0
      return { lines: [...known.lines.values()].slice(seen), next: known.lines.size, more }
    },
    onRefusal: (listener) => void listeners.push(listener),
    forget: (step) => void steps.delete(step),
  }
}
