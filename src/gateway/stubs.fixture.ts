import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import type {
  Broker,
  ClientIdentity,
  FirstSeen,
  KnownProvenance,
  SeenFile,
  Session,
  Step,
  StoredArchiveDates,
  StoredFirstSeen,
  StoredStepMaterials,
  StoredProvenance,
} from '../broker/index.ts'
import type { Connection } from '../connections/index.ts'
import {
  MayflyError,
  Secret,
  limits,
  newId,
  systemClock,
  type RunId,
  type SessionId,
  type StepId,
} from '../lib/index.ts'

/** STUB of the audit log: keeps what it is given, and refuses an entry of a size that the real client refuses. */
export interface AuditStub extends AuditClient {
  readonly events: AuditEvent[]
  ofType(type: string): AuditEvent[]
  /** Called before an event is kept; what it throws is what `append` rejects with. */
  before: ((event: AuditEvent) => Promise<void> | void) | undefined
}

export function stubAudit(): AuditStub {
  const audit: AuditStub = {
    events: [],
    before: undefined,
    ofType: (type) => audit.events.filter((one) => one.type === type),
    async append(event) {
      await audit.before?.(event)
      const bytes = Buffer.byteLength(JSON.stringify(event))
      if (bytes > limits.auditEntryBytes)
        throw new MayflyError('limit_exceeded', `the event takes ${bytes} bytes`)
      audit.events.push(event)
      return {} as never
    },
    erase: async () => {
      throw new Error('nobody is erased here')
    },
    health: async () => ({ ok: true, size: audit.events.length }),
    close: async () => undefined,
  }
  return audit
}

/** STUB of the store's table: in memory. */
export function stubFirstSeen(): StoredFirstSeen & { readonly rows: Map<string, FirstSeen> } {
  const rows = new Map<string, FirstSeen>()
  const keyOf = ({ registry, purl, path }: SeenFile) => `${registry} ${purl} ${path}`
  return {
    rows,
    async see(file, digest) {
      const known = rows.get(keyOf(file)) ?? { digest, seenMs: 0, recorded: false }
      rows.set(keyOf(file), known)
      return known
    },
    async recorded(files) {
      for (const file of files) {
        const known = rows.get(keyOf(file))
        if (known !== undefined) rows.set(keyOf(file), { ...known, recorded: true })
      }
    },
  }
}

type Kept = Parameters<StoredStepMaterials['keep']>[1]

/** STUB of the store's tables: in memory. */
export function stubMaterials(): StoredStepMaterials & {
  readonly materials: NonNullable<Kept['materials']>[number][]
  readonly published: NonNullable<Kept['published']>[number][]
  /** Those that owe something. */
  readonly carriers: string[]
} {
  const carriers: string[] = []
  const [materials, published]: [
    NonNullable<Kept['materials']>[number][],
    NonNullable<Kept['published']>[number][],
  ] = [[], []]
  return {
    materials,
    published,
    carriers,
    async carry(_step, carrier) {
      carriers.push(carrier)
    },
    async keep(_step, kept, settled) {
      if (settled !== undefined) carriers.splice(carriers.indexOf(settled), 1)
      materials.push(...(kept.materials ?? []))
      published.push(...(kept.published ?? []))
    },
    of: async () => ({ materials: [], materialsOmitted: 0, published: [] }),
  }
}

/** STUB of the store's table: in memory. */
export function stubArchiveDates(): StoredArchiveDates {
  const dates = new Map<string, number>()
  return {
    async suites(registry) {
      const prefix = `${registry} `
      return [...dates.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
    },
    async newest(registry, suite, dateMs) {
      const newest = Math.max(dateMs, dates.get(`${registry} ${suite}`) ?? 0)
      dates.set(`${registry} ${suite}`, newest)
      return newest
    },
  }
}

/** STUB of the store's table: in memory. */
export function stubProvenance(): StoredProvenance & { readonly rows: Map<string, KnownProvenance> } {
  const rows = new Map<string, KnownProvenance>()
  return {
    rows,
    of: async (registry, name) => rows.get(`${registry} ${name}`),
    async see(registry, name, seen, { isSame, replace }) {
      const known = rows.get(`${registry} ${name}`)
      const next =
        known === undefined || replace
          ? seen
          : { ...known, sinceMs: isSame(known) ? Math.min(known.sinceMs, seen.sinceMs) : known.sinceMs }
      rows.set(`${registry} ${name}`, next)
      return next
    },
  }
}

/** STUB of the broker: steps and leases in memory, the gate closed at once by `end`. */
export interface BrokerStub {
  readonly broker: Broker
  /** Client certificates that leases hold, by connection. */
  readonly identities: Map<string, ClientIdentity>
  /** What was minted, by connection: fields by name. */
  readonly minted: Map<string, Readonly<Record<string, Secret>>>
  /** Steps and credentials that hosts have answered 401 to. */
  readonly refused: readonly string[]
  /** The same of 403. */
  readonly doubted: readonly string[]
  /** How often a credential is said to have been made a moment ago. */
  fresh: number
  open(jkt: string, role?: string): Step
  end(step: Step, reason?: string): void
  /** The step goes on, and loses what it had for a connection. */
  endLease(step: Step, connection: string): void
}

export function stubBroker(): BrokerStub {
  const steps = new Map<StepId, Step>()
  const listeners: ((step: Step) => void)[] = []
  const leaseListeners: ((step: Step, connection: string, byHost: boolean) => void)[] = []
  const refused: string[] = []
  const doubted: string[] = []
  const identities = new Map<string, ClientIdentity>()
  const minted = new Map<string, Readonly<Record<string, Secret>>>()
  /** How many leases have ended, by connection: who asks again gets another. */
  const over = new Map<string, number>()
  const broker = {
    step: (id: StepId) => {
      const step = steps.get(id)
      return step?.endReason === undefined ? step : undefined
    },
    async lease(step: Step, connection: Connection) {
      if (step.endReason !== undefined)
        throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
      const ended = over.get(connection.name) ?? 0
      const value = `injected:for-${connection.name}${ended === 0 ? '' : `-${ended + 1}`}`
      const authorization = new Secret(`Basic ${Buffer.from(value).toString('base64')}`)
      return {
        id: `lse_${ended + 1}`,
        connection: connection.name,
        expiresMs: step.expiresMs,
        authorization: connection.credential === undefined ? undefined : authorization,
        clientIdentity: identities.get(connection.name),
        fields: minted.get(connection.name),
      }
    },
    async leaseMinted(step: Step) {
      if (step.endReason !== undefined)
        throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
    },
    endOf: () => undefined,
    isOpen: (step: Step) => step.endReason === undefined,
    onStepEnd: (listener: (step: Step) => void) => void listeners.push(listener),
    refusedByHost: (step: Step, authorization: Secret) =>
      void refused.push(`${step.id} ${authorization.reveal()}`),
    doubtedByHost: (step: Step, authorization: Secret) =>
      void doubted.push(`${step.id} ${authorization.reveal()}`),
    isFresh: () => stub.fresh-- > 0,
    onLeaseEnd: (listener: (step: Step, connection: string, byHost: boolean) => void) =>
      void leaseListeners.push(listener),
  } as unknown as Broker
  const stub: BrokerStub = {
    broker,
    identities,
    minted,
    refused,
    doubted,
    fresh: 0,
    open(jkt, role = 'build') {
      const createdMs = systemClock.nowMs()
      const expiresMs = createdMs + 600_000
      const session: Session = {
        id: newId<SessionId>('ses'),
        runId: newId<RunId>('run'),
        roles: [role],
        jkt,
        actor: 'ci:test',
        subject: { issuer: 'ci', attributes: { subject: 'x' } },
        claims: {},
        waitSeconds: 0,
        createdMs,
        expiresMs,
        endReason: undefined,
      }
      const step: Step = {
        id: newId<StepId>('stp'),
        session,
        name: 'test',
        role,
        tier: 'B',
        startedMs: createdMs,
        expiresMs,
        heartbeatMs: 0,
        endReason: undefined,
      }
      steps.set(step.id, step)
      return step
    },
    end(step, reason = 'revoked') {
      step.endReason = reason
      for (const listener of listeners) listener(step)
    },
    endLease(step, connection) {
      over.set(connection, (over.get(connection) ?? 0) + 1)
      for (const listener of leaseListeners) listener(step, connection, false)
    },
  }
  return stub
}
