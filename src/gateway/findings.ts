import type { AuditClient } from '../audit/client/index.ts'
import { stepEvent, type Step } from '../broker/index.ts'

/** What no upstream does that is honest and well: recorded by a type of its own, beside the refusal of what it was about. */
export interface Findings {
  /** `key` tells it from others of its type: the same one is recorded once for each step. */
  found(step: Step, type: string, key: string, data: Readonly<Record<string, unknown>>): void
}

/** Findings of one step; what it asks for again and again is refused without one. */
const maxFindings = 100

export function createFindings(deps: { audit: AuditClient }): Findings {
  const ofSteps = new WeakMap<Step, Set<string>>()
  return {
    found(step, type, key, data) {
      const known = ofSteps.get(step) ?? new Set<string>()
      ofSteps.set(step, known)
      if (known.has(`${type} ${key}`) || known.size >= maxFindings) return
      known.add(`${type} ${key}`)
      // The refusal stands whether or not it can be recorded.
      deps.audit.append(stepEvent(step, type, data)).catch(() => undefined)
    },
  }
}
