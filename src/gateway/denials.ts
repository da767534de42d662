import { newId, type Clock, type StepId } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { stepEvent, type Step } from '../broker/index.ts'

/** The entries of what a step was refused. A loop in a tool, or an attacker, must not fill the log with them. */
export interface Denials {
  /** Records a refusal and returns the request id under which it is found. */
  add(step: Step, refusal: Refusal): string
  /** How long the step's next refused CONNECT is to wait for its answer: a tool that asks again without end is slowed down. */
  delayMs(step: Step): number
  /** Writes what was counted and not written yet. */
  end(step: Step): void
}

export interface Refusal {
  readonly what: string
  readonly reason: string
  /** What an entry of its own says beside. */
  readonly data: Readonly<Record<string, unknown>>
}

/** Entries of their own, for each step. */
const entriesPerStep = 200
/** Different refusals that an entry of counted ones names. */
const maxKinds = 50
const maxChars = 200
/** Counted ones are written after that, then after three times as long each time, up to the last. */
const firstIntervalMs = 10_000
const lastIntervalMs = 600_000

/** Refusals that are answered at once; each one more is answered later than the one before. */
const answeredAtOnce = 20
const delayStepMs = 10
const maxDelayMs = 2_000

interface StepDenials {
  total: number
  entries: number
  intervalMs: number
  counted: Counted | undefined
}

interface Counted {
  readonly request: string
  readonly firstMs: number
  lastMs: number
  count: number
  readonly kinds: Map<string, { what: string; reason: string; count: number }>
  readonly timer: NodeJS.Timeout
}

export function createDenials(deps: { audit: AuditClient; clock: Clock }): Denials {
  const { audit, clock } = deps
  const steps = new Map<StepId, StepDenials>()

  // A denial stands whether or not it can be recorded; the health of the log is reported elsewhere.
  function write(step: Step, data: Record<string, unknown>): void {
    audit.append(stepEvent(step, 'access.denied', data)).catch(() => undefined)
  }

  function startCounting(step: Step, known: StepDenials): Counted {
    const nowMs = clock.nowMs()
    const timer = setTimeout(() => writeCounted(step, known), known.intervalMs).unref()
    known.intervalMs = Math.min(3 * known.intervalMs, lastIntervalMs)
    return { request: newId<string>('req'), firstMs: nowMs, lastMs: nowMs, count: 0, kinds: new Map(), timer }
  }

  function writeCounted(step: Step, known: StepDenials): void {
    const { counted } = known
    if (counted === undefined) return
    known.counted = undefined
    clearTimeout(counted.timer)
    const { request, count, firstMs, lastMs, kinds } = counted
    write(step, {
      request,
      what: `${count} more refusals`,
      reason: `counted: the step was refused ${entriesPerStep} times before`,
      count,
      first: new Date(firstMs).toISOString(),
      last: new Date(lastMs).toISOString(),
      refusals: [...kinds.values()],
    })
  }

  return {
    add(step, { what, reason, data }) {
      const known = steps.get(step.id) ?? {
        total: 0,
        entries: 0,
        intervalMs: firstIntervalMs,
        counted: undefined,
      }
      // What is refused to a step that has ended finds nobody who would write the rest.
      if (step.endReason === undefined) steps.set(step.id, known)
      known.total++
      if (known.entries < entriesPerStep) {
        known.entries++
        const request = newId<string>('req')
        write(step, { request, what, reason, ...data })
        return request
      }
      const counted = (known.counted ??= startCounting(step, known))
      count(counted, what.slice(0, maxChars), reason.slice(0, maxChars))
      counted.lastMs = clock.nowMs()
      return counted.request
    },
    delayMs(step) {
      const over = (steps.get(step.id)?.total ?? 0) - answeredAtOnce
      return Math.min(Math.max(0, over) * delayStepMs, maxDelayMs)
    },
    end(step) {
      const known = steps.get(step.id)
      steps.delete(step.id)
      if (known !== undefined) writeCounted(step, known)
    },
  }
}

function count(counted: Counted, what: string, reason: string): void {
  counted.count++
  const key = `${what}\n${reason}`
  const kind = counted.kinds.get(key)
  if (kind !== undefined) kind.count++
  else if (counted.kinds.size < maxKinds) counted.kinds.set(key, { what, reason, count: 1 })
}
