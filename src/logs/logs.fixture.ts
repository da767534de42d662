import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { newOrderedId, type StepId } from '../lib/index.ts'
import { insertRow, openStore } from '../store/index.ts'
import { createFolderStorage, createStepLogs, type LogStorage } from './index.ts'

/** Logs over a real store and real files; steps are rows that the test ends. */
export async function openLogs(
  t: Pick<TestContext, 'after'>,
  options: { folder?: string; storage?: (storage: LogStorage) => LogStorage } = {},
) {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'mayfly-logs-'))
  const store = openStore(join(folder, 'mayfly.db'))
  const clock = { aheadMs: 0, nowMs: () => Date.parse('2026-11-28T00:00:00Z') + clock.aheadMs }
  const limits = { keepSeconds: 86_400, maxTotalBytes: 1_000_000, maxStepBytes: 100_000 }
  const files = createFolderStorage(join(folder, 'logs'))
  const storage = options.storage?.(files) ?? files
  const make = () => createStepLogs({ store, storage, clock, limits: () => limits })
  const logs = await make()
  t.after(async () => {
    await store.close()
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  })

  async function addStep(repository = '1'): Promise<StepId> {
    const id = newOrderedId<StepId>('stp', clock.nowMs())
    const session = `ses_${id}`
    await store.writeAll(() => [
      insertRow('sessions', {
        ...{ id: session, run_id: 'run_1', identity: '{}', roles: '[]', jkt: '', issuer: 'ci' },
        ...{ created_ms: 0, expires_ms: 0, heartbeat_ms: 0, ended_ms: null, end_reason: null },
        ...{ repository_id: repository, repository: null, commit_id: null },
      }),
      insertRow('steps', {
        ...{ id, session_id: session, name: 'test', role: 'build', tier: 'B', created_ms: 0, expires_ms: 0 },
        ...{ heartbeat_ms: 0, ended_ms: null, end_reason: null, exit_code: null },
      }),
    ])
    return id
  }

  return {
    folder,
    store,
    storage,
    clock,
    limits,
    logs,
    /** The same after the server was killed. */
    restart: make,
    addStep,
    endStep: (id: StepId) =>
      store.writeAll((tables) => [
        tables.updateTable('steps').set({ ended_ms: clock.nowMs() }).where('id', '=', id),
      ]),
    async textOf(id: StepId, from = 0, of = logs): Promise<string | undefined> {
      const found = await of.read(id, from)
      return found === undefined ? undefined : (await buffer(found)).toString()
    },
    row: (id: StepId) => store.find('step_logs', { step_id: id }),
  }
}
