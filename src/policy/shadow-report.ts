import { describeOperation, leastGrants } from './grant.ts'
import type { Past, PastOperations } from './past.ts'

/** What one role in shadow mode let pass although no grant of it allows it. */
export interface ShadowReport {
  readonly role: string
  readonly operations: readonly {
    readonly operation: string
    readonly count: number
    readonly last: string
  }[]
  /** The grants that would allow it, as far as it can be written as one. */
  readonly missing: readonly string[]
  /** Entries that had no room for all of their operations. */
  readonly cut: number
}

/** Per role, the operations that would have been denied, the most frequent first. */
export function reportShadow(past: readonly Past[]): ShadowReport[] {
  const shadowed = past.filter((one) => one.kind === 'operations' && one.shadow) as PastOperations[]
  return [...new Set(shadowed.map(({ role }) => role))].toSorted().map((role) => {
    const ofRole = shadowed.filter((one) => one.role === role)
    const counted = new Map<string, { operation: string; count: number; last: string }>()
    for (const { operations, time } of ofRole) {
      for (const one of operations) {
        const operation = describeOperation(one)
        counted.set(operation, { operation, count: (counted.get(operation)?.count ?? 0) + 1, last: time })
      }
    }
    return {
      role,
      operations: [...counted.values()].toSorted((a, b) => b.count - a.count),
      missing: leastGrants(ofRole.flatMap(({ operations }) => operations)),
      cut: ofRole.filter(({ cut }) => cut).length,
    }
  })
}
