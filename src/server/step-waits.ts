import type { StepId } from '../lib/index.ts'
import type { Broker, Step } from '../broker/index.ts'
import type { Gateway } from '../gateway/index.ts'

/** Supervisors that wait for news of their steps, in this process: the one that carries the step's traffic. */
export interface StepWaits {
  /**
   * What the step was refused beyond what was `seen`: at once if there is any, or `seen` is left out; else when there is, or
   * the step has ended, or a heartbeat later.
   */
  news(step: Step, seen: number | undefined): Promise<ReturnType<Gateway['refusals']>>
}

/** Below the time after which HTTP clients and proxies give up. */
const maxWaitMs = 20_000
/** Of one step: there is one supervisor, whose connection may have broken a few times. */
const maxWaiting = 8

export function createStepWaits(deps: {
  broker: Pick<Broker, 'onStepEnd'>
  gateway: Pick<Gateway, 'refusals' | 'onRefusal'>
  heartbeatSeconds: number
}): StepWaits {
  const { broker, gateway } = deps
  const waiting = new Map<StepId, Set<() => void>>()
  const wake = (id: StepId) => {
    for (const go of waiting.get(id) ?? []) go()
  }
  broker.onStepEnd((step) => wake(step.id))
  gateway.onRefusal(wake)

  function wait(id: StepId): Promise<void> {
    const ofStep = waiting.get(id) ?? new Set()
    if (ofStep.size >= maxWaiting) return Promise.resolve()
    waiting.set(id, ofStep)
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer)
        ofStep.delete(go)
        if (ofStep.size === 0) waiting.delete(id)
        resolve()
      }
      const timer = setTimeout(go, Math.min(deps.heartbeatSeconds * 1000, maxWaitMs)).unref()
      ofStep.add(go)
    })
  }

  return {
    async news(step, seen) {
      const known = gateway.refusals(step.id, seen ?? 0)
      const isNews = known.lines.length > 0 || known.more > 0
      if (isNews || seen === undefined || step.endReason !== undefined) return known
      await wait(step.id)
      return gateway.refusals(step.id, seen)
    },
  }
}
