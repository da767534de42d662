import { systemClock } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'

/**
 * What was refused by WebSocket kubectl asks for once more by SPDY, at once: it is told the same, and nobody is asked or told again.
 * One answer each: whoever asks anew is judged anew.
 */
export interface SaidNo {
  remember(ofStep: object, operation: Operation, target: string, message: string): void
  take(ofStep: object, operation: Operation, target: string): string | undefined
}

const rememberedMs = 10_000
const maxRemembered = 100

export function createSaidNo(): SaidNo {
  const held = new WeakMap<object, Map<string, { readonly message: string; readonly atMs: number }>>()
  const keyOf = ({ action, path, ref }: Operation, target: string) =>
    JSON.stringify([action, path, ref, target])
  return {
    remember(ofStep, operation, target, message) {
      const all = held.get(ofStep) ?? new Map<string, { message: string; atMs: number }>()
      held.set(ofStep, all)
      if (all.size >= maxRemembered) all.clear()
      all.set(keyOf(operation, target), { message, atMs: systemClock.nowMs() })
    },
    take(ofStep, operation, target) {
      const all = held.get(ofStep)
      const key = keyOf(operation, target)
      const found = all?.get(key)
      all?.delete(key)
      return found !== undefined && systemClock.nowMs() - found.atMs < rememberedMs
        ? found.message
        : undefined
    },
  }
}
