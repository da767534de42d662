import type { StepId } from '../lib/index.ts'

/** What a step reached and what it was refused, in a few words each: for the table, and for its last entry. */
export interface Activity {
  readonly granted: readonly Counted[]
  readonly denied: readonly (Counted & { readonly reason: string })[]
}

interface Counted {
  readonly what: string
  readonly count: number
}

/** Different things remembered per step; a step that tries more has them counted under `more`. */
const maxKinds = 60
/** Characters kept of each, so that a step's last entry fits into the log whatever it tried. */
const maxChars = 240

export interface ActivityRecord {
  granted(step: StepId, what: string): void
  denied(step: StepId, what: string, reason: string): void
  of(step: StepId): Activity
  forget(step: StepId): void
}

export function createActivityRecord(): ActivityRecord {
  const steps = new Map<
    StepId,
    { granted: Map<string, number>; denied: Map<string, { count: number; reason: string }> }
  >()
  const of = (id: StepId) => {
    const known = steps.get(id) ?? { granted: new Map(), denied: new Map() }
    steps.set(id, known)
    return known
  }
  return {
    granted(step, named) {
      const what = named.slice(0, maxChars)
      const { granted } = of(step)
      const key = granted.has(what) || granted.size < maxKinds ? what : 'more'
      granted.set(key, (granted.get(key) ?? 0) + 1)
    },
    denied(step, named, why) {
      const what = named.slice(0, maxChars)
      const reason = why.slice(0, maxChars)
      const { denied } = of(step)
      const key = denied.has(what) || denied.size < maxKinds ? what : 'more'
      denied.set(key, { count: (denied.get(key)?.count ?? 0) + 1, reason })
    },
    of(step) {
      const known = steps.get(step)
      return {
        granted: [...(known?.granted ?? [])].map(([what, count]) => ({ what, count })),
        denied: [...(known?.denied ?? [])].map(([what, { count, reason }]) => ({ what, count, reason })),
      }
    },
    forget: (step) => void steps.delete(step),
  }
}
