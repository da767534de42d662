import type { Needing } from './schedule.ts'

/** Does every step need the one before it, directly or through others, so that no two can run at once? */
export function runsInTurn(steps: readonly Needing[]): boolean {
  const before = new Map<string, ReadonlySet<string>>()
  for (const { name, needs } of steps)
    before.set(name, new Set(needs.flatMap((one) => [one, ...(before.get(one) ?? [])])))
  return steps.every(({ name }, i) => (before.get(name)?.size ?? 0) === i)
}
