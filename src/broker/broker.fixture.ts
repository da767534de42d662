import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AuditClient, AuditEvent, RunNumbers } from '../audit/client/index.ts'
import { entryType } from '../audit/verify/entry-type.ts'
import type { Connection } from '../connections/index.ts'
import type { Identity } from '../identity/index.ts'
import { limits, MayflyError, Secret, type Clock } from '../lib/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { createVault, openSealed, seal, type Vault, type VaultKey } from '../vault/index.ts'
import type { LeaseDeps } from './leases/leases.ts'
import {
  createBroker,
  createStoredRunNumbers,
  type Broker,
  type SessionRequest,
  type StepRequest,
} from './index.ts'

/**
 * An audit log in memory, as the client's contract has it: an entry of a known id is not entered twice, one that
 * is too large is refused for good. It verifies nothing and keeps no tree; no real log is behind it.
 */
export interface FakeAudit {
  readonly client: AuditClient
  readonly entries: AuditEvent[]
  /** Set, it numbers the entries of runs, as the client does. */
  numbers: RunNumbers | undefined
  /** Every append that was asked for, also of what was there already. */
  attempts: number
  down: boolean
  /** The entry is made, but the answer is lost. */
  losesAnswers: boolean
  /** Waited for before an entry of this type is made. */
  readonly holds: Map<string, Promise<void>>
  ofType(type: string): AuditEvent[]
  types(): string[]
}

export function fakeAudit(): FakeAudit {
  const ids = new Set<string>()
  const unavailable = (why: string) =>
    new MayflyError('audit_unavailable', `the audit log gives no receipts: ${why}`)
  const audit: FakeAudit = {
    entries: [],
    attempts: 0,
    down: false,
    losesAnswers: false,
    holds: new Map(),
    ofType: (type) => audit.entries.filter((entry) => entry.type === type),
    types: () => audit.entries.map(({ type }) => type),
    numbers: undefined,
    client: {
      async append(given) {
        audit.attempts++
        const { run } = given
        const numbered = run !== undefined && given.seq === undefined && audit.numbers !== undefined
        if (!numbered) return await append(given)
        const seq = audit.numbers?.take(run)
        try {
          return await append({ ...given, ...(seq === undefined ? {} : { seq }) })
        } catch (error) {
          if (seq !== undefined) audit.numbers?.giveUp(run, seq)
          throw error
        }
      },
      erase: (_, event) => audit.client.append(event),
      health: async () => ({ ok: true, size: audit.entries.length }),
      close: async () => undefined,
    },
  }
  async function append(event: AuditEvent) {
    await audit.holds.get(event.type)
    if (audit.down) throw unavailable('down')
    entryType(event.type)
    const bytes = Buffer.byteLength(JSON.stringify(event))
    if (bytes > limits.auditEntryBytes) throw new MayflyError('limit_exceeded', 'too large')
    if (event.id === undefined || !ids.has(event.id)) audit.entries.push(structuredClone(event))
    if (event.id !== undefined) ids.add(event.id)
    if (audit.losesAnswers) throw unavailable('no answer')
    return { index: audit.entries.length - 1, leafHash: '', timeMs: 0, signature: '' }
  }
  return audit
}

export const startMs = 1_785_542_400_000
export const heartbeatSeconds = 5

/** For brokers that mint nothing. */
export function issuersFor(
  vault: Vault,
  vaultKey: VaultKey,
  clock: Clock,
  changes: Partial<LeaseDeps> = {},
): LeaseDeps {
  const none = () => Promise.reject(new Error('no network here'))
  return {
    sealing: {
      seal: (context, value) => seal(vaultKey, context, value),
      open: (context, sealed) => openSealed(vaultKey, context, sealed),
    },
    grantsOf: () => [],
    tools: {
      clock,
      http: { ask: none },
      openSecret: (name, by) => vault.open(name, { ...(by === undefined ? {} : { by }) }),
      identityToken: none,
    },
    ...changes,
  }
}

/** A broker over a real store and vault in a temporary folder; `restart` closes it and opens the same files again. */
export async function setup(
  t: TestContext,
  issuers: Partial<LeaseDeps> = {},
  more: Partial<Pick<Parameters<typeof createBroker>[0], 'atEnd' | 'signerOf'>> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-broker-'))
  const audit = fakeAudit()
  const clock = { ms: startMs, nowMs: () => clock.ms }
  const vaultKey = new Secret(randomBytes(32))
  /** What happened, in order, for those who push to it; the store pushes `write`. */
  const events: string[] = []
  const disk = { full: false }
  const open = async () => {
    const inner = openStore(join(folder, 'mayfly.db'))
    const onDisk = <T>(write: () => Promise<T>): Promise<T> => {
      events.push('write')
      return disk.full ? Promise.reject(new MayflyError('disk_full', 'the disk is full')) : write()
    }
    const store: Store = {
      ...inner,
      write: (work) => onDisk(() => inner.write(work)),
      writeAll: (build) => onDisk(() => inner.writeAll(build)),
    }
    const vault = createVault({ store, key: vaultKey, clock })
    audit.numbers = createStoredRunNumbers(store)
    const broker = await createBroker({
      store,
      vault,
      audit: audit.client,
      numbers: audit.numbers,
      clock,
      heartbeatSeconds,
      issuers: issuersFor(vault, vaultKey, clock, issuers),
      ...more,
    })
    return { store, vault, broker }
  }
  const it = {
    ...(await open()),
    folder,
    audit,
    clock,
    vaultKey,
    events,
    disk,
    async restart() {
      await it.close()
      Object.assign(it, await open())
    },
    async close() {
      await it.broker.close()
      await it.store.close()
    },
  }
  t.after(async () => {
    await it.close().catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  })
  await it.vault.set('deploy', new Secret(secretValue))
  events.length = 0
  return it
}

export type Setup = Awaited<ReturnType<typeof setup>>

/** Another server on the same files. */
export async function secondBroker(
  t: TestContext,
  { folder, clock, audit, vaultKey }: Setup,
): Promise<Broker> {
  const store = openStore(join(folder, 'mayfly.db'))
  const vault = createVault({ store, key: vaultKey, clock })
  const broker = await createBroker({
    ...{ store, vault, clock, heartbeatSeconds, audit: audit.client },
    numbers: createStoredRunNumbers(store),
    issuers: issuersFor(vault, vaultKey, clock),
  })
  t.after(async () => {
    await broker.close()
    await store.close()
  })
  return broker
}

export const secretValue = 'hunter2-correct-horse'

let tokens = 0

export function identity(changes: Partial<Identity> & { repositoryId?: string } = {}): Identity {
  const { repositoryId = '1296269', ...rest } = changes
  return {
    issuer: 'github',
    issuerUrl: 'https://token.actions.githubusercontent.com',
    attributes: { subject: 'repo:octo/app:ref:refs/heads/main', repository_id: repositoryId },
    run: { id: '77', attempt: '1', job: '3' },
    claims: {},
    tokenId: `jti-${tokens++}`,
    expiresSeconds: startMs / 1000 + 300,
    ...rest,
  }
}

export async function openSession(broker: Broker, changes: Partial<SessionRequest> = {}) {
  const opened = await broker.openSession({
    identity: identity(),
    roles: ['build'],
    jkt: 'jkt',
    ttlSeconds: 900,
    requestId: 'req_1',
    ...changes,
  })
  if (!opened.ok) throw new Error(opened.reason)
  return opened.session
}

export function stepRequest(changes: Partial<StepRequest> = {}): StepRequest {
  return {
    name: 'test',
    role: 'build',
    ttlSeconds: 900,
    maxWaitSeconds: 3600,
    tier: 'B',
    command: 'npm test',
    grants: ['git:read github/octo/app'],
    egress: [],
    services: [],
    ...changes,
  }
}

export function connection(name = 'github', changes: Partial<Connection> = {}): Connection {
  return {
    name,
    kind: 'git',
    tls: true,
    host: `${name}.com`,
    port: 443,
    basePath: '',
    url: `https://${name}.com`,
    credential: { scheme: 'bearer', secret: 'deploy' },
    dial: undefined,
    ca: undefined,
    opaque: false,
    ...changes,
  }
}

export const grant = 'git:read github/octo/app'

/** Resolves once everything written so far has reached the audit log. */
export async function delivered(it: Setup): Promise<void> {
  while ((await it.broker.counts()).undelivered > 0) await new Promise((resolve) => setImmediate(resolve))
}

/** A promise and the function that resolves it. */
export function latch(): { held: Promise<void>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { held: promise, release: resolve }
}

export function code(expected: MayflyError['code'], message = /./) {
  return (error: unknown) =>
    error instanceof MayflyError && error.code === expected && message.test(error.message)
}
