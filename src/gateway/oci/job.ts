import type { Exchange } from '../exchange.ts'
import type { Turns } from '../turns.ts'
import type { Memory } from './memory.ts'
import type { Registry } from './registry.ts'

/** One request of a step at one registry. */
export interface Job {
  readonly exchange: Exchange
  readonly registry: Registry
  readonly memory: Memory
  /** By registry, repository and tag, for all steps of this gateway. */
  readonly turns: Turns
}
