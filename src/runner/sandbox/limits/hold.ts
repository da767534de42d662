import { setTimeout as sleep } from 'node:timers/promises'
import type { GroupUsage } from '../usage.ts'
import type { Group } from './group.ts'
import { makeGroupV1 } from './group-v1.ts'
import { makeGroupV2 } from './group-v2.ts'
import type { LimitName, StepLimits } from './limits.ts'
import { findPlaces, type Places } from './places.ts'

/** What holds a step to its limits: a control group, the limits of each process, or only the supervisor's look at it. */
export type HeldBy = Group['by'] | 'rlimits' | 'watch'

/** A step held to its limits, from before its first process until after its last. */
export interface Hold {
  readonly by: HeldBy
  readonly joins: readonly number[]
  admit(pid: number): Promise<void>
  passed(): LimitName | undefined
  kill(): void
  /** What its processes used, once it has ended; undefined if no group counts it. */
  usage(): GroupUsage | undefined
  /** When its last process is gone. What it ran into can still be asked. */
  end(): Promise<void>
}

/** Makes a control group for one step where this machine lets us: of version 2, else of version 1, else none. */
export function holdStep(limits: StepLimits, places: Places = findPlaces()): Hold {
  const group = makeGroupV2(places.v2, limits) ?? makeGroupV1(places.v1, limits)
  if (group === undefined)
    return {
      by: 'rlimits',
      joins: [],
      admit: () => Promise.resolve(),
      passed: () => undefined,
      kill: () => undefined,
      usage: () => undefined,
      end: () => Promise.resolve(),
    }
  let last: LimitName | undefined
  let used: GroupUsage | undefined
  const passed = () => (last ??= group.passed())
  return {
    ...group,
    passed,
    usage: () => used,
    async end() {
      passed()
      used ??= group.usage()
      // The dead are counted until their parent has taken note. Whatever stays is swept at the next start.
      for (let tries = 0; !group.remove() && tries < maxTries; tries++) await sleep(retryMs)
    },
  }
}

/** What would hold a step on this machine: found out by making its control group, which is removed. */
export async function findHolder(): Promise<HeldBy> {
  const hold = holdStep({
    ...{ memoryBytes: 2 ** 26, processes: 64, cpus: 1, diskBytes: 2 ** 30, openFiles: 64 },
    ...{ timeSeconds: undefined, timeBy: 'role', outputBytes: 2 ** 20 },
  })
  await hold.end()
  return hold.by
}

const retryMs = 2
const maxTries = 250
