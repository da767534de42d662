import { usualUnpackLimits, type UnpackLimits } from './model.ts'

/** What one file may still unpack to, with all that is in it. */
export interface Budget {
  readonly limits: UnpackLimits
  /** Counts bytes that came in packed. */
  packed(bytes: number): void
  /** Whether so many unpacked ones may be looked at, too. */
  unpacked(bytes: number): boolean
  /** Whether one more member may be. */
  member(): boolean
}

export function createBudget(given: Partial<UnpackLimits> | undefined): Budget {
  const limits = { ...usualUnpackLimits, ...given }
  let [packed, unpacked, members] = [0, 0, 0]
  return {
    limits,
    packed(bytes) {
      packed += bytes
    },
    unpacked(bytes) {
      unpacked += bytes
      return unpacked <= Math.min(limits.totalBytes, Math.max(limits.floorBytes, packed * limits.ratio))
    },
    member() {
      return ++members <= limits.members
    },
  }
}
