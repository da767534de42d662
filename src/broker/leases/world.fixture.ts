import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AuditEvent } from '../../audit/client/index.ts'
import { newOrderedId, Secret, type RunId, type SessionId, type StepId } from '../../lib/index.ts'
import { insertRow, openStore, type Store } from '../../store/index.ts'
import { createVault, openSealed, seal } from '../../vault/index.ts'
import { fakeAudit, startMs } from '../broker.fixture.ts'
import type { Session, Step } from '../model.ts'
import { createOutbox } from '../outbox.ts'
import { createStoredRunNumbers } from '../run-numbers.ts'
import { createLeases, type Leases } from './leases.ts'
import { fakeUpstream, type FakeUpstream } from './upstream.fixture.ts'

const vaultKey = new Secret(randomBytes(32))

/** A store on a disk that confirms at once: what is tested here are crashes of servers, not of machines. */
export function quickStore(t: TestContext): { store: Store; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-leases-'))
  const file = join(folder, 'mayfly.db')
  const store = openStore(file, async () => undefined)
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { store, file }
}

/** A server over the store of a world. It is killed by itself after so many of its steps, or by hand: then nothing of it goes on. */
export interface Server {
  readonly leases: Leases
  /** As the broker does each second: entries that a dead server left behind go to the log. */
  deliver(): void
  readonly name: string
  dead: boolean
  /** How many more effects, and answers of them, it lives to see. */
  life: number
}

export interface World {
  readonly clock: { nowMs(): number }
  readonly audit: ReturnType<typeof fakeAudit>
  readonly upstream: FakeUpstream
  /** Ours is ahead of the upstream's by so much. */
  skewMs: number
  boot(life?: number, store?: Store): Server
  openStep(ttlSeconds?: number): Promise<Step>
  /** As the broker ends one: gate, leases, record. */
  endStep(server: Server, step: Step): Promise<void>
  /** Lets the time pass, with what is due in it. */
  advance(ms: number): Promise<void>
  /** A promise for so much later. */
  later(ms: number): Promise<void>
  /** Resolves once nothing goes on that does not wait for the time, or an upstream. */
  settle(): Promise<void>
}

export function createWorld(inner: Store, options: Parameters<typeof fakeUpstream>[1] = {}): World {
  let [trueMs, activity, inFlight, servers] = [startMs, 0, 0, 0]
  const timers = new Set<{ atMs: number; callback: () => void }>()
  const audit = fakeAudit()
  const upstream = fakeUpstream({ nowMs: () => trueMs }, options)
  const never = new Promise<never>(() => undefined)

  function after(ms: number, callback: () => void): () => void {
    const timer = { atMs: trueMs + ms, callback }
    timers.add(timer)
    return () => void timers.delete(timer)
  }

  /** Every effect of a server: it may die before it, or before it hears of it. */
  async function effect<T>(server: Server, isOwn: boolean, work: () => Promise<T>): Promise<T> {
    activity++
    if (server.dead || isOver(server)) return await never
    if (isOwn) inFlight++
    try {
      return await work()
    } finally {
      activity++
      if (isOwn) inFlight--
      // oxlint-disable-next-line no-unsafe-finally -- whoever is dead hears nothing, of faults neither
      if (server.dead || isOver(server)) await never
    }
  }

  function isOver(server: Server): boolean {
    if (server.life-- > 0) return false
    server.dead = true
    return true
  }

  const world: World = {
    clock: { nowMs: () => trueMs + world.skewMs },
    audit,
    upstream,
    skewMs: 0,
    boot(life = Infinity, own = inner) {
      const server = { name: `server ${servers++}`, dead: false, life } as Server
      const store: Store = {
        ...own,
        write: (work) => effect(server, true, () => own.write(work)),
        writeAll: (build) => effect(server, true, () => own.writeAll(build)),
      }
      const { issuer } = upstream
      const asks = <A extends unknown[], T>(ask: (...given: A) => Promise<T>) => {
        return (...given: A) => effect(server, false, () => ask(...given))
      }
      const gated = {
        ...issuer,
        mint: asks(issuer.mint),
        revoke: asks(issuer.revoke),
        ...(issuer.renew === undefined ? {} : { renew: asks(issuer.renew) }),
        ...(issuer.probe === undefined ? {} : { probe: asks(issuer.probe) }),
      }
      const client = {
        ...audit.client,
        append: (event: AuditEvent) => effect(server, true, () => audit.client.append(event)),
      }
      const numbers = createStoredRunNumbers(store)
      const outbox = createOutbox({ store, audit: client, numbers, clock: world.clock })
      const vault = createVault({ store, key: vaultKey, clock: world.clock })
      const none = () => Promise.reject(new Error('no network here'))
      const leases = createLeases({
        ...{ store, vault, outbox, numbers, audit: client, clock: world.clock },
        issuers: {
          issuerOf: () => gated,
          after,
          random: () => 0.5,
          sealing: {
            seal: (context, value) => seal(vaultKey, context, value),
            open: (context, sealed) => openSealed(vaultKey, context, sealed),
          },
          grantsOf: () => [],
          tools: { clock: world.clock, http: { ask: none }, openSecret: none, identityToken: none },
        },
      })
      Object.assign(server, { leases, deliver: () => outbox.deliver() })
      void leases.hurry().catch(() => undefined)
      outbox.deliver()
      return server
    },
    async openStep(ttlSeconds = 3_600) {
      const now = world.clock.nowMs()
      const expiresMs = now + ttlSeconds * 1000
      const id = newOrderedId<SessionId>('ses', now)
      const job = { issuer: 'github', attributes: { repository: 'octo/app' } }
      const session = {
        ...{ id, runId: newOrderedId<RunId>('run', now), roles: ['build'], jkt: '', actor: '' },
        ...{ subject: job, createdMs: now, claims: {}, waitSeconds: 0, expiresMs, endReason: undefined },
      } as Session
      const step: Step = {
        ...{ id: newOrderedId<StepId>('stp', now), session, name: 's', role: 'build', tier: 'B' },
        ...{ startedMs: now, expiresMs, heartbeatMs: now, endReason: undefined },
      }
      const times = { created_ms: now, expires_ms: expiresMs, heartbeat_ms: now }
      await inner.writeAll(() => [
        insertRow('sessions', {
          ...{ id, run_id: session.runId, identity: JSON.stringify(job), roles: '["build"]', jkt: '' },
          ...{ ...times, ended_ms: null, end_reason: null, issuer: 'github' },
          ...{ repository_id: null, repository: null, commit_id: null },
        }),
        insertRow('steps', {
          ...{ id: step.id, session_id: id, name: 's', role: 'build', tier: 'B', exit_code: null },
          ...{ ...times, ended_ms: null, end_reason: null },
        }),
      ])
      return step
    },
    async endStep(server, step) {
      step.endReason ??= 'finished'
      await server.leases.endOf(step, 'finished')
      await effect(server, true, () =>
        inner.writeAll((tables) => [
          tables.updateTable('steps').set({ ended_ms: 1, end_reason: 'finished' }).where('id', '=', step.id),
          tables
            .updateTable('sessions')
            .set({ ended_ms: 1, end_reason: 'finished' })
            .where('id', '=', step.session.id),
        ]),
      )
      server.leases.forget(step.id)
    },
    async advance(ms) {
      const untilMs = trueMs + ms
      for (;;) {
        const [first] = [...timers].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)
        if (first === undefined) break
        timers.delete(first)
        trueMs = Math.max(trueMs, first.atMs)
        first.callback()
        await world.settle()
      }
      trueMs = untilMs
      await world.settle()
    },
    later: (ms) => new Promise((next) => void after(ms, next)),
    async settle() {
      for (let [last, calm] = [-1, 0]; calm < 2;) {
        await new Promise((next) => setImmediate(next))
        if (activity === last && inFlight === 0) calm++
        else [last, calm] = [activity, 0]
      }
    },
  }
  return world
}
