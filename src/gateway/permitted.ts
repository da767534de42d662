/**
 * What a step was permitted on one connection. Each shape of a statement is in the log before it is done for the first time; from
 * then on it is counted, and policy is asked whether it still holds when another one is in force.
 */
export interface Permitted {
  has(key: string, policy: object, still: () => boolean): boolean
  add(key: string, policy: object): void
}

const maxKept = 5_000

export function createPermitted(): Permitted {
  const decided = new Map<string, object>()
  return {
    has(key, policy, still) {
      const by = decided.get(key)
      if (by === undefined || by === policy) return by !== undefined
      if (still()) decided.set(key, policy)
      else decided.delete(key)
      return decided.has(key)
    },
    add(key, policy) {
      if (decided.size >= maxKept) decided.delete(decided.keys().next().value ?? '')
      decided.set(key, policy)
    },
  }
}
