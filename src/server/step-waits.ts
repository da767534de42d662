import type { StepId } from '../lib/index.ts'
import type { Broker, Step } from '../broker/index.ts'
import type { Gateway } from '../gateway/index.ts'

/** Supervisors that wait for news of their steps, in this process: the one that carries the step's traffic. */
export interface StepWaits {
  /**
   * What the step was refused beyond what was `seen`: at once if `seen` is left out; else when there is any, with what follows
   * in the next moment, or at the step's end, or once something it was handed has ended, or a heartbeat later.
   */
  news(step: Step, seen: number | undefined): Promise<ReturnType<Gateway['refusals']>>
}

interface Waiting {
  readonly go: () => void
  /** Else for the step's end alone. */
  readonly forRefusals: boolean
}

/** Below the time after which HTTP clients and proxies give up. */
const maxWaitMs = 20_000
/** Refusals come in crowds: one answer takes several. The end of the step does not wait for more of them. */
const gatherMs = 200
/** Of one step: there is one supervisor, whose connection may have broken a few times. */
const maxWaiting = 8

export function createStepWaits(deps: {
  broker: Pick<Broker, 'onStepEnd'>
  gateway: Pick<Gateway, 'refusals' | 'onRefusal' | 'handOuts'>
  heartbeatSeconds: number
}): StepWaits {
  const { broker, gateway } = deps
  const waiting = new Map<StepId, Set<Waiting>>()
  broker.onStepEnd(({ id }) => {
    for (const one of waiting.get(id) ?? []) one.go()
  })
  gateway.onRefusal((id) => {
    for (const one of waiting.get(id) ?? []) if (one.forRefusals) one.go()
  })

  gateway.handOuts.onEnd(({ id }) => {
    for (const one of waiting.get(id) ?? []) if (one.forRefusals) one.go()
  })

  function wait(id: StepId, ms: number, forRefusals: boolean): Promise<void> {
    const ofStep = waiting.get(id) ?? new Set()
    if (ofStep.size >= maxWaiting) return Promise.resolve()
    waiting.set(id, ofStep)
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer)
        ofStep.delete(one)
        if (ofStep.size === 0) waiting.delete(id)
        resolve()
      }
      const one: Waiting = { go, forRefusals }
      const timer = setTimeout(go, ms).unref()
      ofStep.add(one)
    })
  }

  return {
    async news(step, seen) {
      let more = 0
      const look = () => {
        const known = gateway.refusals(step.id, seen ?? 0)
        more += known.more
        return { ...known, more }
      }
      const isNews = ({ lines }: ReturnType<Gateway['refusals']>) => lines.length > 0 || more > 0
      let known = look()
      if (seen === undefined) return known
      if (!isNews(known) && step.endReason === undefined && !gateway.handOuts.hasEnded(step)) {
        await wait(step.id, Math.min(deps.heartbeatSeconds * 1000, maxWaitMs), true)
        known = look()
      }
      if (!isNews(known) || step.endReason !== undefined) return known
      await wait(step.id, gatherMs, false)
      return look()
    },
  }
}
