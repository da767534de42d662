import { MayflyError, messageOf } from '../lib/index.ts'
import { entryOf } from './alerts.ts'
import type { MachineDeps } from './machine-deps.ts'
import { create, resume } from './creating.ts'
import { promote, probeNew } from './promoting.ts'
import { plan } from './planning.ts'
import { Lost, type Row } from './records.ts'
import { retire, waitForLeases } from './retiring.ts'
import { undo } from './undoing.ts'
import { ended, wait, type Next } from './next.ts'

const waitsWhenSealedMs = 30_000

/**
 * Takes one rotation on, as far as it goes now. Each state is durable before the next act outside: killed between two of them,
 * whoever takes it over begins where this one stopped. Never throws: what goes wrong stands in the row.
 */
export async function advance(taken: Row, deps: MachineDeps): Promise<void> {
  let row = taken
  // Whoever began it in this run knows that nothing was asked of the upstream before.
  let begun = false
  try {
    for (;;) {
      const next = await actOn(row, begun, deps)
      begun = row.state === 'planned' && next.changes.state === 'creating'
      row = await write(row, next, deps)
      if (next.waits === true || row.ended_ms !== null) return await deps.records.release(row)
    }
  } catch (error) {
    if (error instanceof Lost) return
    // The store, or the vault: nothing of it is known to have happened. The claim ends, and it is tried again.
    const sealed = error instanceof MayflyError && error.code === 'vault_sealed'
    const next = sealed
      ? { changes: { due_ms: deps.clock.nowMs() + waitsWhenSealedMs }, waits: true }
      : undefined
    await write(row, next ?? wait(row, deps.clock, messageOf(error)), deps)
      .then((kept) => deps.records.release(kept))
      .catch(() => undefined)
  }
}

async function actOn(row: Row, begun: boolean, deps: MachineDeps): Promise<Next> {
  switch (row.state) {
    case 'planned':
      return await plan(row, deps)
    case 'creating':
      return await (begun ? create(row, deps) : resume(row, deps))
    case 'created':
      return await probeNew(row, deps)
    case 'probed':
      return await promote(row, deps)
    case 'promoted':
      return await waitForLeases(row, deps)
    case 'retiring':
      return await retire(row, deps)
    case 'undoing':
      return await undo(row, deps)
    case 'done':
    case 'rolled_back':
    case 'failed':
      return ended
  }
}

async function write(row: Row, next: Next, { outbox, records, alerts }: MachineDeps): Promise<Row> {
  return await outbox.write(async (tx, add) => {
    const moved = await records.change(tx, row, next.changes)
    const changed = (await next.also?.(tx, moved)) ?? moved
    const entry = entryOf(row, changed)
    if (entry !== undefined) add([entry])
    await alerts.ofChange(tx, row, changed)
    return changed
  })
}
