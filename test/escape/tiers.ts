import { probeIsolation } from '../../src/runner/sandbox/index.ts'

/** A way to run a step, whose every attempt has a row. A new tier is added here and nowhere else. */
export interface Tier {
  readonly name: string
  /** The user who runs it, if it is not the one who runs the suite. */
  readonly uid?: number
  /** Options of `mayfly run`. */
  readonly options: readonly string[]
}

const nobody = 65_534

/** Those that this machine has, and why others are missing. */
export async function findTiers(): Promise<{ tiers: Tier[]; missing: string[] }> {
  const probe = await probeIsolation()
  if (probe.tier === 'none') return { tiers: [], missing: [`namespaces: ${probe.why}`] }
  const isRoot = process.getuid?.() === 0
  const ordinary: Tier = { name: 'B, ordinary user', options: [] }
  return isRoot
    ? {
        tiers: [
          { name: 'B, root', options: [] },
          { ...ordinary, uid: nobody },
        ],
        missing: [],
      }
    : { tiers: [ordinary], missing: ['B, root: the suite was not started as root'] }
}
