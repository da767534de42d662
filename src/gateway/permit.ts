import { setImmediate } from 'node:timers/promises'
import { MayflyError } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import {
  needsLease,
  stepEvent,
  type Broker,
  type Lease,
  type Step,
  type StoredRunArtifacts,
} from '../broker/index.ts'
import { certificateProblem, type Connection } from '../connections/index.ts'
import type { Pins } from '../lockfiles/index.ts'
import {
  describeDenials,
  describeOperation,
  isOfConnection,
  unnamedOperation,
  type Allowed,
  type Conditions,
  type Denied,
  type Operation,
  type Policy,
} from '../policy/index.ts'
import { consentTo, type AskedLater, type Approvers, type Asker } from './consent.ts'
import type { Attested, AttestedBy } from './attested.ts'
import { fittingGrant, type Facts } from './proven.ts'
import { laterSeconds, laterText } from './busy.ts'
import type { ActivityRecord } from './activity.ts'
import type { Denials } from './denials.ts'
import type { DownloadRecord } from './downloads/record.ts'
import type { Denial, Permission, Permit, Proven } from './exchange.ts'

/**
 * The one way to a credential: policy decides, the broker leases, the audit log confirms, in this order.
 * No receipt, no credential (design.md, Never 2).
 */
export interface Gatekeeper {
  permit(
    step: Step,
    connection: Connection,
    operations: readonly Operation[],
    detail: Readonly<Record<string, unknown>>,
    anyRef: boolean,
    more?: {
      /** Whose request it is: where its grant asks for a person's yes, it waits here. */
      asker?: Asker | AskedLater
      /** What its handler knows of what the operation brings, for grants that ask for it. */
      proven?: ((operation: Operation) => Proven) | undefined
    },
  ): Promise<Permission>
  /**
   * For a package that the step's lockfile pins: policy decides each, and the lockfile as a whole is recorded once for each grant
   * that lets its packages in, before the first of them. Which were fetched the record of downloads says.
   */
  permitPinned(
    step: Step,
    connection: Connection,
    operation: Operation,
    pins: Pins,
    asker?: Asker,
  ): Promise<Permission>
  /**
   * For operations that come by the thousand (keys of a database in memory): policy decides each, and that a grant lets them in is
   * recorded once for the step, before the first of them. `detail` goes into that entry.
   */
  permitByGrant(
    step: Step,
    connection: Connection,
    operation: Operation,
    detail?: Readonly<Record<string, unknown>>,
    asker?: Asker,
    /** What people are shown of this one, where they are asked. */
    shown?: Readonly<Record<string, unknown>>,
  ): Promise<Permission>
  /** Asks policy alone, before anything that costs work: a denial is recorded, a yes gives nothing yet. */
  precheck(step: Step, connection: Connection, operation: Operation): Denial | undefined
  /**
   * Whether policy would allow it, or with `granted` does so by a grant and not in shadow mode only, or with `unasked` by one that
   * asks for nothing more; nothing is recorded.
   */
  would(step: Step, operation: Operation, options?: WouldOptions): boolean
  /** What the grant that would allow it asks for besides; undefined if nothing, or none allows it. */
  asks(step: Step, operation: Operation): Conditions | undefined
  /** Records what was refused for another reason than policy; returns the text for the step. */
  deny(step: Step, what: string, reason: string): string
  /**
   * Records that a connection's host did not answer, once for each step and reason: a tool may not show the answer that says so.
   * Returns the fault to throw, which says what to do and under which request id it stands.
   */
  unreached(step: Step, connection: Connection, fault: MayflyError): MayflyError
}

export interface WouldOptions {
  readonly anyRef?: boolean
  readonly granted?: true
  readonly unasked?: true
}

const maxChars = 2000
/** Operations of one request that its entry names one by one; a push names its refs in its own detail, too. */
const maxOperations = 50
const decisionsPerTurn = 100
/** An attestation is signed within seconds, unless the log is away. */
const pendingSeconds = 5

export function createGatekeeper(deps: {
  policy: () => Policy
  broker: Broker
  audit: AuditClient
  activity: ActivityRecord
  denials: Denials
  downloads: DownloadRecord
  approvers?: Approvers | undefined
  artifacts?: Pick<StoredRunArtifacts, 'isOfRun'> | undefined
  attested: Attested
}): Gatekeeper {
  const { broker, audit, activity, denials, downloads } = deps

  function deny(
    step: Step,
    named: string,
    why: string,
    data: Readonly<Record<string, unknown>> = {},
  ): string {
    // The step chooses these texts; an entry has room for so much.
    const what = named.slice(0, maxChars)
    const reason = why.slice(0, maxChars)
    const requestId = denials.add(step, { what, reason, data })
    const line = `mayfly: refused: ${what}: ${reason} (${requestId})`
    activity.denied(step.id, what, reason, line)
    return line
  }

  function refuse(
    step: Step,
    connection: Connection,
    refused: readonly Denied[],
    operations: readonly Operation[],
    detail: Readonly<Record<string, unknown>>,
  ): Denial {
    // A grant would not help.
    const unserved = unservedIn(connection, operations)
    if (unserved !== undefined) return refuseUnserved(step, operations, unserved)
    const { host } = connection
    const named = operations.map(describeOperation).join(', ')
    const { statement } = detail
    // Of a database the operation names neither table nor column: which statement it was, its log tells by this alone.
    const what = typeof statement === 'string' ? `${named} (${shortened(statement)})` : named
    const message = deny(step, what, describeDenials(step.role, refused), {
      host,
      // As far as there is room: a step must not keep its denial out of the log by what it asks for.
      ...(JSON.stringify(detail).length <= maxChars ? detail : {}),
      ...recorded(operations),
      held: refused[0]?.held.slice(0, maxOperations),
    })
    return { allow: false, message, refused: operations }
  }

  /** What the policy allows, and could not be given. */
  function notNow(step: Step, operations: readonly Operation[], fault: unknown): Denial {
    const message = deny(step, operations.map(describeOperation).join(', '), laterText(fault))
    const retryAfterSeconds = laterSeconds(fault)
    return {
      ...{ allow: false, message, refused: operations },
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    }
  }

  /** By connection and reason. */
  const unanswered = new WeakMap<Step, Map<string, MayflyError>>()

  function unreached(step: Step, connection: Connection, fault: MayflyError): MayflyError {
    const { name, url } = connection
    const known = unanswered.get(step) ?? new Map<string, MayflyError>()
    unanswered.set(step, known)
    const told = known.get(`${name} ${fault.message}`)
    if (told !== undefined) return told
    const why = fault.message.slice(0, maxChars)
    const requestId = denials.add(step, { what: `connection ${name}`, reason: why, data: { unreached: url } })
    const hint = ': is the host up, and are url and dial of the connection right?'
    const isToBeMended = certificateProblem(connection, fault.cause) !== undefined
    const message = `${why}${isToBeMended ? '' : hint} (${requestId})`
    activity.denied(step.id, `connection ${name}`, why, `mayfly: ${message}`)
    const error = new MayflyError('upstream_unreachable', message, { cause: fault })
    if (known.size < maxOperations) known.set(`${name} ${fault.message}`, error)
    return error
  }

  /** A name that another registry may have to itself: this one must not even hear of it. */
  function refuseUnserved(step: Step, operations: readonly Operation[], why: string): Denial {
    const message = deny(step, operations.map(describeOperation).join(', '), why)
    return { allow: false, message, refused: operations }
  }

  /** What a grant demands of what is brought; what only has to be signed yet may be tried again. */
  function refuseUnmet(
    step: Step,
    operations: readonly Operation[],
    { unmet, pending }: { readonly unmet: string; readonly pending: boolean },
  ): Denial {
    const denial = refuseUnserved(step, operations, unmet)
    return pending ? { ...denial, retryAfterSeconds: pendingSeconds } : denial
  }

  /** What was let in by a grant as a whole, while the step runs. */
  const whole = new WeakMap<Step, Map<string, Promise<unknown>>>()

  /** The entry that says what the lease of the connection is for. */
  async function recordWhole(
    step: Step,
    connection: Connection,
    { action }: Operation,
    grant: string,
    lease: Lease | undefined,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await audit.append(
      stepEvent(step, 'access.granted', {
        ...(lease === undefined ? {} : { lease: lease.id }),
        host: connection.host,
        operations: [{ action, connection: connection.name, path: '' }],
        grants: [grant],
        ...detail,
      }),
    )
  }

  async function recordWaived(
    step: Step,
    waived: readonly { operation: Operation; shadow?: string }[],
  ): Promise<void> {
    if (waived.length === 0) return
    const operations = waived.map(({ operation }) => operation)
    await audit.append(stepEvent(step, 'access.shadowed', recorded(operations)))
  }

  return {
    deny,
    unreached,
    precheck(step, connection, operation) {
      const decision = deps.policy().decide(step.role, operation, step.session.subject)
      if (!decision.allow) return refuse(step, connection, [decision], [operation], {})
      const unserved = unservedIn(connection, [operation])
      return unserved === undefined ? undefined : refuseUnserved(step, [operation], unserved)
    },
    permitPinned(step, connection, operation, pins, asker) {
      const lockfile = { sha256: pins.digest, packages: pins.packages }
      return this.permitByGrant(step, connection, operation, { lockfile }, asker)
    },
    async permitByGrant(step, connection, operation, detail = {}, asker, shown = {}) {
      const decision = deps.policy().decide(step.role, operation, step.session.subject)
      const unserved = unservedIn(connection, [operation])
      if (decision.allow && unserved !== undefined) return refuseUnserved(step, [operation], unserved)
      // What only shadow mode lets pass, or people are asked about, is recorded by its own name.
      if (
        !decision.allow ||
        decision.shadow !== undefined ||
        decision.conditions !== undefined ||
        unnamedOperation(operation) !== undefined
      )
        return this.permit(step, connection, [operation], shown, false, asker === undefined ? {} : { asker })
      const known = whole.get(step) ?? new Map<string, Promise<unknown>>()
      whole.set(step, known)
      let [key, recording]: [string, Promise<unknown> | undefined] = ['', undefined]
      try {
        // A minted credential may end before its step: each asks for the one that is in force.
        const lease = needsLease(connection)
          ? await broker.lease(step, connection, decision.grant)
          : undefined
        key = `${connection.name} ${decision.grant} ${lease?.id ?? ''}`
        recording = known.get(key) ?? recordWhole(step, connection, operation, decision.grant, lease, detail)
        known.set(key, recording)
        await recording
        downloads.assertWritable(step)
        if (step.endReason !== undefined)
          throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
        // Which keys or files they were is nobody's business; the grant says what for.
        activity.granted(step.id, isOfConnection(operation.action) ? summarise(operation) : decision.grant)
        return permitOf(lease)
      } catch (error) {
        // The next one tries again.
        if (known.get(key) === recording) known.delete(key)
        return notNow(step, [operation], error)
      }
    },
    asks(step, operation) {
      const decision = deps.policy().decide(step.role, operation, step.session.subject)
      return decision.allow ? decision.conditions : undefined
    },
    would(step, operation, { anyRef = false, granted, unasked } = {}) {
      const policy = deps.policy()
      const { subject } = step.session
      const decision = anyRef
        ? policy.decideAnyRef(step.role, operation, subject)
        : policy.decide(step.role, operation, subject)
      return (
        decision.allow &&
        (granted !== true || decision.shadow === undefined) &&
        (unasked !== true || anyRef || decision.conditions === undefined)
      )
    },
    async permit(step, connection, operations, detail, anyRef, { asker, proven } = {}) {
      const policy = deps.policy()
      const { subject } = step.session
      // The policy is held against these names: another spelling would pass its forbids by.
      const named = operations.filter(({ path }) => !anyRef || path !== '')
      const unnamed = named.map(unnamedOperation).find((why) => why !== undefined)
      if (unnamed !== undefined)
        return {
          allow: false,
          message: deny(step, operations.map(describeOperation).join(', '), unnamed),
          refused: operations,
        }
      const asked: { operation: Operation; decision: ReturnType<Policy['decide']> }[] = []
      for (const operation of operations) {
        // Others are served between the refs of a push that has thousands.
        if (asked.length % decisionsPerTurn === decisionsPerTurn - 1) await setImmediate()
        const decision = anyRef
          ? policy.decideAnyRef(step.role, operation, subject)
          : policy.decide(step.role, operation, subject)
        asked.push({ operation, decision })
      }
      const refused = asked.filter(({ decision }) => !decision.allow)
      if (refused.length > 0) {
        const decisions = refused.map(({ decision }) => decision).filter((one) => !one.allow)
        return refuse(
          step,
          connection,
          decisions,
          refused.map(({ operation }) => operation),
          detail,
        )
      }
      const unserved = unservedIn(connection, operations)
      if (unserved !== undefined) return refuseUnserved(step, operations, unserved)
      const meant = asked.flatMap(({ operation, decision }) =>
        decision.allow ? [{ operation, ...decision }] : [],
      )
      // What is not known yet is asked once more before anything is changed.
      const isEarly = anyRef || asker === 'later' || meant.every(({ conditions }) => conditions === undefined)
      const facts: Facts = {
        isOfRun: async (digests) => (await deps.artifacts?.isOfRun(step, digests)) === true,
        attested: (brought, demand) => deps.attested(step, brought, demand),
      }
      const fitting = isEarly
        ? meant
        : await Promise.all(meant.map((one) => fittingGrant(one, proven?.(one.operation), facts)))
      const unmet = fitting.find((one) => 'unmet' in one)
      if (unmet !== undefined && 'unmet' in unmet) return refuseUnmet(step, operations, unmet)
      const allowed = fitting.flatMap((one) => ('unmet' in one ? [] : [one]))
      // What is let in by a grant for some ref is none for this one: whoever reads the record for the least grants would take it so.
      const done = anyRef ? operations.map(withoutRef) : operations
      const waived = allowed.filter(({ shadow }) => shadow !== undefined)
      const grants = allowed.filter(({ shadow }) => shadow === undefined).map(({ grant }) => grant)
      try {
        // Nothing can be changed by what names no ref yet: people are asked about what follows.
        const consent = await consentTo(deps.approvers, step, anyRef ? [] : allowed, detail, asker, (line) =>
          activity.told(step.id, line),
        )
        if (!consent.ok) return refuseUnserved(step, operations, consent.why)
        if (consent.approvals.length > 0 && deps.policy() !== policy)
          return refuseUnserved(step, operations, 'the policy has changed while it waited for approval')
        const lease = needsLease(connection)
          ? await broker.lease(step, connection, allowed[0]?.grant ?? '')
          : undefined
        const granted = audit.append(
          stepEvent(step, 'access.granted', {
            ...(lease === undefined ? {} : { lease: lease.id }),
            host: connection.host,
            operations: done.slice(0, maxOperations),
            ...(operations.length > maxOperations ? { operationCount: operations.length } : {}),
            grants: [...new Set(grants)],
            ...(consent.approvals.length === 0 ? {} : { approvals: consent.approvals }),
            ...attestedIn(allowed),
            ...detail,
          }),
        )
        // What shadow mode lets pass is as durable as what is granted before the credential is used.
        await Promise.all([granted, recordWaived(step, waived)])
        // The step may have ended while the entry was written.
        if (step.endReason !== undefined)
          throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
        for (const operation of done) activity.granted(step.id, summarise(operation))
        return { ...permitOf(lease), ...(consent.once ? { once: true as const } : {}) }
      } catch (error) {
        // Secret missing, vault key wrong, log down, step ended: nothing is issued, and the step learns why.
        return notNow(step, operations, error)
      }
    },
  }
}

/** Why the connection is not the registry for one of these packages; undefined if it is for all. */
function unservedIn({ packages }: Connection, operations: readonly Operation[]): string | undefined {
  if (packages === undefined) return undefined
  return operations
    .map(({ path }) => (path === '' ? undefined : packages.unserved(path)))
    .find((why) => why !== undefined)
}

function permitOf(lease: Lease | undefined): Permit {
  const { authorization, fields, clientIdentity } = lease ?? {}
  return { allow: true, authorization, fields, clientIdentity }
}

/** Which attestations let it pass, as far as there is room. */
function attestedIn(allowed: readonly (Allowed & { readonly attested?: readonly AttestedBy[] })[]): {
  attested?: readonly AttestedBy[]
} {
  const attested = allowed.flatMap((one) => one.attested ?? []).slice(0, maxOperations)
  return attested.length === 0 ? {} : { attested }
}

function withoutRef({ action, connection, path }: Operation): Operation {
  return { action, connection, path }
}

const statementChars = 160

function shortened(statement: string): string {
  return statement.length > statementChars ? `${statement.slice(0, statementChars)}…` : statement
}

const recordedBytes = 16_000

/** As many operations as an entry has room for: a step must not keep its denial out of the log by a long name. */
function recorded(operations: readonly Operation[]): { operations: Operation[]; operationCount?: number } {
  let left = recordedBytes
  const fitting = operations
    .slice(0, maxOperations)
    .filter((one) => (left -= Buffer.byteLength(JSON.stringify(one))) >= 0)
  const isWhole = fitting.length === operations.length
  return { operations: fitting, ...(isWhole ? {} : { operationCount: operations.length }) }
}

// Hundreds of packages are one line of the step's table; the log has each of them.
function summarise(operation: Operation): string {
  return isOfConnection(operation.action)
    ? `${operation.action} ${operation.connection}`
    : describeOperation(operation)
}
