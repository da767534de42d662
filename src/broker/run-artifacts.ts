import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { Step } from './model.ts'

/** What steps of a run published at a registry, or declared when they ended: digests as `sha256:HEX`, in the store for all servers. */
export interface StoredRunArtifacts {
  add(step: Step, digests: readonly string[]): Promise<void>
  /** Did other steps of the same run publish or declare each of these? */
  isOfRun(step: Step, digests: readonly string[]): Promise<boolean>
}

/** Longer than any run. */
const keptMs = 7 * 86_400_000
const perWrite = 100

export function createStoredRunArtifacts(deps: { store: Store; clock: Clock }): StoredRunArtifacts {
  const { store, clock } = deps
  return {
    async add({ id, session }, digests) {
      if (digests.length === 0) return
      const now = clock.nowMs()
      const rows = [...new Set(digests)].map((digest) => ({
        ...{ run_id: session.runId, digest, step_id: id, created_ms: now },
      }))
      await store.write(async (tx) => {
        await tx
          .deleteFrom('run_artifacts')
          .where('created_ms', '<', now - keptMs)
          .execute()
        for (let at = 0; at < rows.length; at += perWrite)
          await tx
            .insertInto('run_artifacts')
            .values(rows.slice(at, at + perWrite))
            .onConflict((conflict) => conflict.doNothing())
            .execute()
      })
    },
    async isOfRun({ id, session }, digests) {
      const asked = new Set(digests)
      const found = await store.read
        .selectFrom('run_artifacts')
        .select('digest')
        .distinct()
        .where('run_id', '=', session.runId)
        .where('digest', 'in', [...asked])
        .where('step_id', '!=', id)
        .execute()
      return found.length === asked.size
    },
  }
}
