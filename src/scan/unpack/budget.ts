import { usualUnpackLimits, type UnpackLimits } from './model.ts'

/** What one file may still unpack to, with all that is in it. */
export interface Budget {
  readonly limits: UnpackLimits
  /** Counts bytes of the file itself. */
  readonly packed: (bytes: number) => void
  /** Whether so many unpacked ones may be looked at, too. */
  unpacked(bytes: number): boolean
  /** No more may be. */
  isSpent(): boolean
  /** Whether one more member may be. */
  member(): boolean
  /** Whether so many bytes may be held in memory, until they are given back. */
  hold(bytes: number): boolean
  giveBack(bytes: number): void
  /** Whether this is to be said: not, if it was. */
  tells(what: string): boolean
}

const maxHeldBytes = 67_108_864
/** Of an archive of which a million members are broken, the first are enough. */
const maxTold = 1_000

export function createBudget(given: Partial<UnpackLimits> | undefined): Budget {
  const limits = { ...usualUnpackLimits, ...given }
  let [packed, unpacked, members, held] = [0, 0, 0, 0]
  let told: Set<string> | undefined
  const most = () => Math.min(limits.totalBytes, Math.max(limits.floorBytes, packed * limits.ratio))
  return {
    limits,
    packed(bytes) {
      packed += bytes
    },
    unpacked(bytes) {
      unpacked += bytes
      return unpacked <= most()
    },
    isSpent: () => unpacked > most(),
    member: () => ++members <= limits.members,
    hold(bytes) {
      if (held + bytes > maxHeldBytes) return false
      held += bytes
      return true
    },
    giveBack(bytes) {
      held -= bytes
    },
    tells(what) {
      told ??= new Set()
      return told.size < maxTold && told.size !== told.add(what).size
    },
  }
}
