import type { AuditEvent } from '../audit/client/index.ts'
import { isolationOf, lacksOf, type Engine, type RunId, type StepId, type Tier } from '../lib/index.ts'
import { isMinted, secretReferencesIn, type Connection } from '../connections/index.ts'
import type { Identity } from '../identity/index.ts'
import { recordedIdentity } from './people.ts'
import type { KeptLog, Lease, Session, Step, StepOutcome, StepWorkspace } from './model.ts'
import { jobOf, recordedJob, stepEvent } from './recorded-job.ts'

/** What a step is opened with. */
export interface StepRequest {
  readonly name: string
  readonly role: string
  readonly ttlSeconds: number
  /** From when the session waits; see Session. */
  readonly maxWaitSeconds: number
  readonly tier: Tier
  readonly engine?: Engine | undefined
  readonly image?: string | undefined
  /** What is run, for the record. */
  readonly command: string
  /** The grants of the role and the egress list: what the step could reach. */
  readonly grants: readonly string[]
  readonly egress: readonly string[]
  /** Ports of the runner's own localhost that it is let to. */
  readonly services: readonly number[]
  readonly workspace?: StepWorkspace | undefined
  /** Version of the policy that is in force. */
  readonly policyVersion?: number | undefined
}

/** A step that was not opened. */
export interface StepRefusal {
  readonly requestId: string
  readonly name: string
  readonly role: string
  readonly reason: string
  readonly detail: string
  readonly workspace?: StepWorkspace | undefined
}

/** A CI job, by what its issuer's verified token says of it. */
export function runStarted(run: RunId, identity: Identity): AuditEvent {
  const { repository, repository_id, ref, commit, event, workflow } = identity.attributes
  return {
    type: 'run.started',
    run,
    subject: run,
    data: {
      pipeline: workflow ?? repository ?? identity.issuer,
      issuer: identity.issuer,
      repository,
      repository_id,
      ref,
      commit,
      event,
      ciRun: identity.run,
    },
  }
}

/** The last entry of a run: its number and one is how many there are. */
export function runFinished(run: RunId): AuditEvent {
  return { type: 'run.finished', run, subject: run, data: {} }
}

const numbersInEntry = 1_000

/** Entries that may never have reached the log: it could not be written to, and what they would have allowed was refused. */
export function entriesLost(run: string, numbers: readonly number[]): AuditEvent[] {
  return Array.from({ length: Math.ceil(numbers.length / numbersInEntry) }, (_, i) => {
    const part = numbers.slice(i * numbersInEntry, (i + 1) * numbersInEntry)
    return { type: 'entries.lost', run, subject: run, data: { numbers: part } }
  })
}

export function sessionIssued(
  session: Session,
  identity: Identity,
  requestId: string,
  claims: Readonly<Record<string, unknown>>,
  approval?: string,
): AuditEvent {
  return {
    type: 'session.issued',
    run: session.runId,
    subject: session.id,
    data: {
      request: requestId,
      issuer: identity.issuer,
      issuerUrl: identity.issuerUrl,
      token: identity.tokenId,
      ...recordedIdentity(identity),
      ...(Object.keys(claims).length === 0 ? {} : { claims }),
      ciRun: identity.run,
      roles: session.roles,
      jkt: session.jkt,
      expires: new Date(session.expiresMs).toISOString(),
      ...(session.waitSeconds === 0 ? {} : { waitSeconds: session.waitSeconds }),
      ...(approval === undefined ? {} : { approval }),
    },
  }
}

export function sessionEnded(session: Session, reason: string): AuditEvent {
  return {
    type: 'session.ended',
    run: session.runId,
    subject: session.id,
    data: { reason, job: jobOf(session) },
  }
}

/** How long it could last: the `ttl` of its role, or what was left of it. */
export function lifetimeOf(step: { readonly startedMs: number; readonly expiresMs: number }): number {
  return Math.round((step.expiresMs - step.startedMs) / 1000)
}

export function stepStarted(step: Step, request: StepRequest): AuditEvent {
  return stepEvent(step, 'step.started', {
    name: step.name,
    reported: { ...isolationFacts(request), command: request.command, ...placeOf(request) },
    ...firstOf('grants', request.grants),
    ...firstOf('egress', request.egress),
    ...(request.services.length === 0 ? {} : { services: request.services }),
    expires: new Date(step.expiresMs).toISOString(),
  })
}

/** What a weaker isolation does not hold stands beside it, so that nobody has to know the letters. */
function isolationFacts({ tier, engine, image }: StepRequest): Record<string, unknown> {
  const lacks = lacksOf(isolationOf(tier, engine))
  return {
    isolation: tier,
    ...(engine === undefined ? {} : { isolationBy: engine }),
    ...(image === undefined ? {} : { image }),
    ...(lacks.length === 0 ? {} : { isolationLacks: lacks }),
  }
}

export function stepRefused(session: Session, refusal: StepRefusal): AuditEvent {
  const { requestId: request, name, role, reason, detail, workspace } = refusal
  return {
    type: 'step.refused',
    run: session.runId,
    subject: session.id,
    data: {
      ...{ request, session: session.id, role, job: jobOf(session), name, reason, detail },
      reported: placeOf({ workspace }),
    },
  }
}

/** `lacks`: a server died before it had recorded all that the step was given through it. */
export function stepFinished(
  step: Step,
  outcome: StepOutcome,
  log: KeptLog | undefined,
  lacks = false,
): AuditEvent {
  const verified = {
    name: step.name,
    reason: step.endReason,
    ...(step.endReason === 'expired' ? { lifetimeSeconds: lifetimeOf(step) } : {}),
    outcome: outcomeOf(step, outcome),
    ...outcome.activity,
    ...(log === undefined ? {} : { log }),
    ...(lacks ? { downloadsIncomplete: true } : {}),
  }
  // What the supervisor on the runner says; nothing above it can be changed by saying it.
  const reported = {
    ...(outcome.exitCode === undefined ? {} : { exitCode: outcome.exitCode }),
    ...outcome.summary,
  }
  const room = summaryBytes - Buffer.byteLength(JSON.stringify(verified))
  return stepEvent(step, 'step.finished', { ...verified, reported: fitting(reported, room) })
}

/** Of an entry; the rest is for the job and what every entry has. */
const summaryBytes = 48_000

/** As much as there is room for, the small ones first: an end that does not fit into the log would not be in it at all. */
function fitting(said: Readonly<Record<string, unknown>>, room: number): Record<string, unknown> {
  const sized = Object.entries(said).map(([name, value]) => ({
    name,
    bytes: Buffer.byteLength(JSON.stringify({ [name]: value })),
  }))
  let left = room
  const omitted = sized
    .toSorted((a, b) => a.bytes - b.bytes)
    .filter(({ bytes }) => (left -= bytes) < 0)
    .map(({ name }) => name)
  if (omitted.length === 0) return { ...said }
  const kept = Object.entries(said).filter(([name]) => !omitted.includes(name))
  return { ...Object.fromEntries(kept), omitted }
}

export function leaseIssued(
  lease: Lease,
  step: Step,
  connection: Connection,
  { grant, kind, ...more }: LeaseFacts,
): AuditEvent {
  const client = connection.clientCertificate
  return {
    type: 'lease.issued',
    run: step.session.runId,
    subject: lease.id,
    data: {
      session: step.session.id,
      step: step.id,
      role: step.role,
      job: jobOf(step.session),
      connection: connection.name,
      grant,
      kind,
      ...(kind === 'static' ? secretOf(connection) : secretsOf(connection)),
      ...(client === undefined || kind === 'trusted_publishing' ? {} : { clientKey: client.secret }),
      ...versionsOf(lease, connection),
      ...more,
      expires: new Date(lease.expiresMs).toISOString(),
    },
  }
}

/** What an issuer made, and what of it goes into the record. */
export interface LeaseFacts {
  readonly grant: string
  /** `static`, `trusted_publishing`, or who minted it. */
  readonly kind: string
  /** What revoking it means, if it was minted. */
  readonly means?: string
  readonly facts?: Readonly<Record<string, unknown>>
  /** Of a kept one: which version of its secret, as its store calls it; where it is kept, if that is not the vault. */
  readonly secretVersion?: string
  readonly secretStore?: string
  /** The lease that it takes the place of. */
  readonly replaces?: string
}

/** It lasts longer, or another was made in its place (`by`). */
export function leaseRenewed(
  lease: { id: string; connection: string },
  step: StepOfLease,
  renewed: { expires: string; by?: string },
): AuditEvent {
  return leaseEvent('lease.renewed', lease, step, renewed)
}

/** Its upstream does not confirm its end; it is asked again. */
export function leaseRevokeFailed(
  lease: { id: string; connection: string },
  step: StepOfLease,
  failed: { kind: string; means: string; failure: string; attempts: number; since: string; expires: string },
): AuditEvent {
  return leaseEvent('lease.unrevoked', lease, step, failed)
}

/** What its entry says of the step whose lease was revoked: after a crash there is no more of it than its row. */
export interface StepOfLease {
  readonly id: StepId
  readonly run: RunId
  readonly role: string
  readonly job: Pick<Identity, 'issuer' | 'attributes'>
}

export function leaseRevoked(
  lease: { id: string; connection: string },
  step: StepOfLease,
  reason: string,
  how: { kind?: string; means?: string; proof?: string } = {},
): AuditEvent {
  return leaseEvent('lease.revoked', lease, step, { reason, ...how })
}

function leaseEvent(
  type: string,
  lease: { id: string; connection: string },
  step: StepOfLease,
  data: Readonly<Record<string, unknown>>,
): AuditEvent {
  return {
    type,
    run: step.run,
    subject: lease.id,
    data: {
      step: step.id,
      role: step.role,
      job: recordedJob(step.job),
      connection: lease.connection,
      ...data,
    },
  }
}

function placeOf({ workspace }: Pick<StepRequest, 'workspace'>): Record<string, unknown> {
  return workspace === undefined ? {} : { workspace }
}

const recordedItems = 150

/** As many as an entry has room for, and how many there are if that is not all of them. */
function firstOf(name: string, items: readonly string[]): Record<string, unknown> {
  if (items.length <= recordedItems) return { [name]: items }
  return { [name]: items.slice(0, recordedItems), [`${name}Count`]: items.length }
}

/** In the words of CDEvents ("taskRun Finished"). What a signal or a limit ended did not succeed, whatever exit code is said beside it. */
export function outcomeOf(
  step: Pick<Step, 'endReason'>,
  { exitCode, summary }: StepOutcome,
): 'success' | 'failure' | 'cancel' | 'error' {
  if (step.endReason === 'cancelled') return 'cancel'
  if (step.endReason !== 'finished') return 'error'
  const isCutShort = summary?.['signal'] !== undefined || summary?.['limit'] !== undefined
  return exitCode === 0 && !isCutShort ? 'success' : 'failure'
}

/** Of a kept credential, which it is. */
function secretOf({ credential }: Connection): Record<string, unknown> {
  return credential === undefined || isMinted(credential) ? {} : { secret: credential.secret }
}

/** Of each further secret that it was made from the version that was in use when that began; of what is kept elsewhere none is known. */
function versionsOf({ from }: Lease, { credential }: Connection): Record<string, unknown> {
  const own = credential === undefined || isMinted(credential) ? undefined : credential.secret
  const known = from.filter(({ secret, version }) => version > 0 && secret !== own)
  return known.length === 0
    ? {}
    : { secretVersions: Object.fromEntries(known.map(({ secret, version }) => [secret, version])) }
}

/** Of a minted one, what it was minted with. */
function secretsOf({ credential }: Connection): Record<string, unknown> {
  const names = credential !== undefined && isMinted(credential) ? secretReferencesIn(credential) : []
  return names.length === 0 ? {} : { secrets: [...new Set(names)].toSorted() }
}
