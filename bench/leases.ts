import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { createBroker, createStoredRunNumbers, type Step } from '../src/broker/index.ts'
import {
  connection,
  fakeAudit,
  grant,
  issuersFor,
  openSession,
  stepRequest,
} from '../src/broker/broker.fixture.ts'
import { fakeUpstream, mintedCredential } from '../src/broker/leases/upstream.fixture.ts'
import { Secret, systemClock } from '../src/lib/index.ts'
import { insertRow, openStore, type Store } from '../src/store/index.ts'
import { createVault } from '../src/vault/index.ts'
import type { BenchResult } from './result.ts'
import { percentile } from './statistics.ts'

const leases = 2_000
const atOnce = 64
const oldLeases = 1_000_000
const secrets = 100_000

interface Figures {
  readonly perSecond: number
  readonly mintP99: number
  readonly bare: number
  readonly bareP99: number
  readonly secretP99: number
  readonly countsMs: number
}

/**
 * Leases of an upstream in memory, minted and revoked, over a store that confirms each write on the disk: against the same rows
 * written by the same store with nothing around them; then the same beside 100,000 secrets and 1,000,000 leases that are over.
 */
export async function benchLeases(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-leases-'))
  const file = join(folder, 'mayfly.db')
  try {
    const empty = await measure(file)
    fill(file)
    const full = await measure(file)
    const ratio = (a: number, b: number) => ({ ratio: a / b, against: `an empty store: ${b.toFixed(3)} ms` })
    return [
      {
        name: `lease minted and revoked, durable, ${atOnce} at once`,
        value: empty.perSecond,
        unit: '/s',
        ratio: empty.perSecond / empty.bare,
        against: `the bare SQL of the same rows: ${empty.bare.toFixed(0)}/s`,
      },
      {
        name: 'lease minted, p99',
        value: empty.mintP99,
        unit: ' ms',
        ratio: empty.mintP99 / empty.bareP99,
        against: `two writes of the bare SQL: ${empty.bareP99.toFixed(2)} ms`,
      },
      {
        name: `the same beside ${oldLeases} leases and ${secrets} secrets, p99`,
        value: full.mintP99,
        unit: ' ms',
        ...ratio(full.mintP99, empty.mintP99),
        target: 'at most 1.3',
      },
      {
        name: 'a secret read there, p99',
        value: full.secretP99,
        unit: ' ms',
        ...ratio(full.secretP99, empty.secretP99),
        target: 'at most 1.3',
      },
      {
        name: 'leases counted there',
        value: full.countsMs,
        unit: ' ms',
        ...ratio(full.countsMs, empty.countsMs),
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(file: string): Promise<Figures> {
  const store = openStore(file)
  const vaultKey = new Secret(randomBytes(32))
  const vault = createVault({ store, key: vaultKey, clock: systemClock })
  const audit = fakeAudit()
  const upstream = fakeUpstream(systemClock)
  const numbers = createStoredRunNumbers(store)
  const broker = await createBroker({
    ...{ store, vault, audit: audit.client, numbers, clock: systemClock, heartbeatSeconds: 1_000 },
    issuers: issuersFor(vault, vaultKey, systemClock, { issuerOf: () => upstream.issuer }),
  })
  const db = connection('db', { credential: mintedCredential })
  const session = await openSession(broker)
  const steps: Step[] = []
  for (let i = 0; i < leases / 100; i++)
    steps.push(
      ...(await Promise.all(Array.from({ length: 100 }, () => broker.openStep(session, stepRequest())))),
    )
  const minted: number[] = []
  const startedMs = performance.now()
  await inTurns(steps, async (step) => {
    const sinceMs = performance.now()
    await broker.lease(step, db, grant)
    minted.push(performance.now() - sinceMs)
    await broker.endStep(step, { reason: 'finished' })
  })
  await broker.idle()
  const perSecond = (leases * 1_000) / (performance.now() - startedMs)
  const { bare, bareP99 } = await bareSql(store, steps)
  await vault.set('one', new Secret('value'))
  const read: number[] = []
  for (let i = 0; i < 2_000; i++) read.push(await timed(() => vault.open('one')))
  const counted = await timed(() => broker.counts())
  await broker.close()
  await store.close()
  const [mintP99, secretP99] = [percentile(minted, 99), percentile(read, 99)]
  return { perSecond, mintP99, bare, bareP99, secretP99, countsMs: counted }
}

/** The writes of a lease's life, and of the end of its step: requested, issued, revoking, the step's end, claimed, revoked. */
async function bareSql(store: Store, steps: readonly Step[]): Promise<{ bare: number; bareP99: number }> {
  const handle = randomBytes(160)
  const made: number[] = []
  const startedMs = performance.now()
  await inTurns(steps, async (step) => {
    const id = `bare_${step.id}`
    const set = (row: object) =>
      store.writeAll((tables) => [tables.updateTable('leases').set(row).where('id', '=', id)])
    const sinceMs = performance.now()
    await store.writeAll(() => [insertRow('leases', bareRow(id, step))])
    await set({ state: 'issued', handle, due_ms: null })
    made.push(performance.now() - sinceMs)
    await set({ state: 'revoking', due_ms: 1 })
    await store.writeAll((tables) => [
      tables.updateTable('steps').set({ ended_ms: 2 }).where('id', '=', step.id),
      insertRow('outbox', { id: `${id}.1`, event: '{}' }),
    ])
    await set({ claimed_ms: 1, claimed_by: 'x' })
    await store.writeAll((tables) => [
      tables
        .updateTable('leases')
        .set({ state: 'revoked', revoked_ms: 1, due_ms: null, plan: null, handle: null })
        .where('id', '=', id),
      insertRow('outbox', { id, event: '{}' }),
    ])
  })
  const bare = (leases * 1_000) / (performance.now() - startedMs)
  await store.writeAll((tables) => [tables.deleteFrom('outbox').where('event', '=', '{}')])
  return { bare, bareP99: percentile(made, 99) }
}

function bareRow(id: string, step: Step) {
  return {
    ...{ id, session_id: step.session.id, step_id: step.id, connection: 'db', grant_source: grant },
    ...{ kind: 'oauth-client', created_ms: 1, expires_ms: 1, revoked_ms: null, revoke_reason: null },
    ...{ state: 'requested' as const, plan: 'x'.repeat(300), means: 'at_once', due_ms: 1 },
  }
}

/** Rows as old ones are, by a connection of its own. */
function fill(file: string): void {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  database.exec(`
    BEGIN;
    INSERT INTO leases (id, session_id, step_id, connection, grant_source, kind, created_ms, expires_ms, revoked_ms,
      revoke_reason, state, means, proof, run_id)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${oldLeases})
      SELECT printf('lse_0%023d', i), printf('ses_0%023d', i / 9), printf('stp_0%023d', i / 3), 'db-' || (i % 50), 'tcp:connect db',
        'oauth-client', i, i + 1, ${Date.now()}, 'finished', 'revoked', 'at_once', 'probed', printf('run_%024d', i / 9) FROM n;
    INSERT INTO secrets (name, version, sealed, created_ms)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${secrets})
      SELECT 'many/s' || i, 1, randomblob(160), i FROM n;
    INSERT INTO secret_names (name, current_version, created_ms)
      SELECT name, 1, created_ms FROM secrets WHERE name LIKE 'many/%';
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE)`)
  database.close()
}

async function inTurns(steps: readonly Step[], work: (step: Step) => Promise<void>): Promise<void> {
  const left = [...steps]
  const one = async () => {
    for (let step = left.pop(); step !== undefined; step = left.pop()) await work(step)
  }
  await Promise.all(Array.from({ length: atOnce }, one))
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const sinceMs = performance.now()
  await work()
  return performance.now() - sinceMs
}
