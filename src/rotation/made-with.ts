import type { Store } from '../store/index.ts'
import type { Configured } from './schedules.ts'

export interface MadeWith {
  readonly secret: string
  /** Versions that it made, oldest first; none where a rotator is told to use it and has not yet. */
  readonly versions: readonly number[]
}

const mostRows = 10_000

/** For whom a secret is the admin's: what rotations made with it since `sinceMs`, and what mayfly.yaml has them use it for. */
export function createMadeWith({ store, configs }: { store: Store; configs: () => readonly Configured[] }) {
  return async (admin: string, sinceMs: number): Promise<MadeWith[]> => {
    const reference = JSON.stringify(`secret:${admin}`)
    const made = new Map<string, number[]>()
    for (const { secret, rotation } of configs())
      if (JSON.stringify(rotation).includes(reference)) made.set(secret, [])
    const rows = await store.read
      .selectFrom('rotations')
      .select(['secret', 'to_version', 'config'])
      .where('config', 'like', `%${reference}%`)
      .where('created_ms', '>=', sinceMs)
      .where('to_version', 'is not', null)
      .orderBy('created_ms')
      .limit(mostRows)
      .execute()
    // A `_` of its name is any character to the store.
    for (const { secret, to_version, config } of rows)
      if (config.includes(reference)) made.set(secret, [...(made.get(secret) ?? []), to_version ?? 0])
    return [...made]
      .map(([secret, versions]) => ({ secret, versions }))
      .toSorted((a, b) => (a.secret < b.secret ? -1 : 1))
  }
}
