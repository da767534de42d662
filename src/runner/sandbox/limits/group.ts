import type { GroupUsage } from '../usage.ts'
import type { LimitName, StepLimits } from './limits.ts'

/** A control group made for one step. */
export interface Group {
  readonly by: 'cgroup2' | 'cgroup1'
  /** Descriptors that the step's first process writes "0" to, and so joins it before anything else of the step is there. */
  readonly joins: readonly number[]
  /** Puts a process of the step into it, and with it what that starts from then on. Not needed where there are `joins`. */
  admit(pid: number): Promise<void>
  /** The limit that its processes ran into, if they did. */
  passed(): LimitName | undefined
  /** What its processes have used so far. */
  usage(): GroupUsage
  /** Kills everything in it at once, where the kernel can (cgroup.kill). */
  kill(): void
  /** Removes it; false while something of it is still ending. */
  remove(): boolean
}

/** What a folder of control groups of ours is called. */
export const groupPrefix = 'mayfly'

/** How long a group may use its share of the processors before it waits for the next one (cpu.max; the kernel's own choice). */
export const cpuPeriodMicros = 100_000

/** Microseconds of processor in each period. */
export function cpuQuotaMicros({ cpus = 0 }: StepLimits): number {
  // The kernel takes no less than a millisecond.
  return Math.max(1_000, Math.round(cpus * cpuPeriodMicros))
}
