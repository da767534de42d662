import type { AuditClient } from '../audit/client/index.ts'
import { needsLease, stepEvent, type Broker, type Step, type StoredRunArtifacts } from '../broker/index.ts'
import type { MayflyError } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Pins } from '../lockfiles/index.ts'
import { unnamedOperation, type Conditions, type Operation, type Policy } from '../policy/index.ts'
import { consentTo, type AskedLater, type Approvers, type Asker } from './consent.ts'
import type { Attested } from './attested.ts'
import { fittingGrant, type Facts } from './proven.ts'
import type { DownloadRecord } from './downloads/record.ts'
import type { Denial, Permission, Permit, Proven } from './exchange.ts'
import { createGrantAsWhole } from './permits/by-grant.ts'
import { grantedEntry, recorded, summarise, type AllowedOperation } from './permits/entry.ts'
import { permitOf, refuseEnded } from './permits/given.ts'
import { createRenewal } from './permits/renewed.ts'
import { decideOne, judge, unnamedIn, unservedIn } from './permits/judging.ts'
import { deny, notNow, refuse, refuseDenied, refuseUnmet, type RefusalRecords } from './permits/refusals.ts'
import { createUnreached } from './permits/unreached.ts'

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
  /** A permission before it is used after a while: with another lease, where its own is over by now. */
  renewed(permit: Permit): Promise<Permission>
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

interface PermitDeps extends RefusalRecords {
  policy: () => Policy
  broker: Broker
  audit: AuditClient
  downloads: DownloadRecord
  approvers?: Approvers | undefined
  artifacts?: Pick<StoredRunArtifacts, 'isOfRun'> | undefined
  attested: Attested
}

export function createGatekeeper(deps: PermitDeps): Gatekeeper {
  const byGrant = createGrantAsWhole(deps)
  const renewal = createRenewal(deps)
  const permit: Gatekeeper['permit'] = (step, connection, operations, detail, anyRef, more = {}) =>
    permitEach({ ...deps, renewal }, { step, connection, operations, detail, anyRef, ...more })
  const permitByGrant: Gatekeeper['permitByGrant'] = async (
    ...[step, connection, operation, detail = {}, asker, shown = {}]
  ) => {
    const decision = decideOne(deps.policy(), step, operation)
    const unserved = unservedIn(connection, [operation])
    if (decision.allow && unserved !== undefined) return refuse(deps, step, [operation], unserved)
    // What only shadow mode lets pass, or people are asked about, is recorded by its own name.
    const isPlain = decision.allow && decision.shadow === undefined && decision.conditions === undefined
    if (!isPlain || unnamedOperation(operation) !== undefined)
      return permit(step, connection, [operation], shown, false, asker === undefined ? {} : { asker })
    return byGrant(step, connection, operation, decision, detail)
  }
  return {
    permit,
    permitByGrant,
    renewed: (given) => renewal.renewed(given),
    permitPinned(step, connection, operation, pins, asker) {
      const lockfile = { sha256: pins.digest, packages: pins.packages }
      return permitByGrant(step, connection, operation, { lockfile }, asker)
    },
    precheck(step, connection, operation) {
      const decision = decideOne(deps.policy(), step, operation)
      if (!decision.allow) return refuseDenied(deps, step, connection, [{ operation, decision }], {})
      const unserved = unservedIn(connection, [operation])
      return unserved === undefined ? undefined : refuse(deps, step, [operation], unserved)
    },
    would: (step, operation, options) => wouldAllow(deps.policy(), step, operation, options),
    asks(step, operation) {
      const decision = decideOne(deps.policy(), step, operation)
      return decision.allow ? decision.conditions : undefined
    },
    deny: (step, what, why) => deny(deps, step, { what, why }),
    unreached: createUnreached(deps),
  }
}

type EachDeps = PermitDeps & { readonly renewal: ReturnType<typeof createRenewal> }

interface Asked {
  readonly step: Step
  readonly connection: Connection
  readonly operations: readonly Operation[]
  readonly detail: Readonly<Record<string, unknown>>
  readonly anyRef: boolean
  readonly asker?: Asker | AskedLater
  readonly proven?: ((operation: Operation) => Proven) | undefined
}

async function permitEach(deps: EachDeps, asked: Asked): Promise<Permission> {
  const { step, connection, operations, detail, anyRef } = asked
  const policy = deps.policy()
  const unnamed = unnamedIn(operations, anyRef)
  if (unnamed !== undefined) return refuse(deps, step, operations, unnamed)
  const { allowed, denied } = await judge(policy, step, operations, anyRef)
  if (denied.length > 0) return refuseDenied(deps, step, connection, denied, detail)
  const unserved = unservedIn(connection, operations)
  if (unserved !== undefined) return refuse(deps, step, operations, unserved)
  const fitting = await fittingGrants(deps, asked, allowed)
  if ('unmet' in fitting) return refuseUnmet(deps, step, operations, fitting)
  try {
    return await give(deps, asked, fitting.allowed, policy)
  } catch (error) {
    // Secret missing, vault key wrong, log down, step ended: nothing is issued, and the step learns why.
    return notNow(deps, step, operations, error)
  }
}

/** Of each operation the first grant whose demands are met. */
async function fittingGrants(
  deps: PermitDeps,
  { step, anyRef, asker, proven }: Asked,
  allowed: readonly AllowedOperation[],
): Promise<{ allowed: readonly AllowedOperation[] } | { unmet: string; pending: boolean }> {
  // What is not known yet is asked once more before anything is changed.
  const isEarly = anyRef || asker === 'later'
  if (isEarly || allowed.every(({ conditions }) => conditions === undefined)) return { allowed }
  const facts: Facts = {
    isOfRun: async (digests) => (await deps.artifacts?.isOfRun(step, digests)) === true,
    attested: (brought, demand) => deps.attested(step, brought, demand),
  }
  const fitting = await Promise.all(allowed.map((one) => fittingGrant(one, proven?.(one.operation), facts)))
  const unmet = fitting.find((one) => 'unmet' in one)
  if (unmet !== undefined) return unmet
  return { allowed: fitting.flatMap((one) => ('unmet' in one ? [] : [one])) }
}

/** A person's yes, a lease, the receipt of the log: only then a permit. Throws what keeps it from being given. */
async function give(
  deps: EachDeps,
  { step, connection, operations, detail, anyRef, asker }: Asked,
  allowed: readonly AllowedOperation[],
  policy: Policy,
): Promise<Permit | Denial> {
  const { broker, audit, activity, approvers } = deps
  // Nothing can be changed by what names no ref yet: people are asked about what follows.
  const consent = await consentTo(approvers, step, anyRef ? [] : allowed, detail, asker, (line) =>
    activity.told(step.id, line),
  )
  if (!consent.ok) return refuse(deps, step, operations, consent.why)
  const { approvals } = consent
  if (approvals.length > 0 && deps.policy() !== policy)
    return refuse(deps, step, operations, 'the policy has changed while it waited for approval')
  const lease = needsLease(connection)
    ? await broker.lease(step, connection, allowed[0]?.grant ?? '')
    : undefined
  // What is let in by a grant for some ref is none for this one: whoever reads the record for the least grants would take it so.
  const done = anyRef ? operations.map(withoutRef) : operations
  const by = { allowed, lease, approvals, detail }
  const granted = audit.append(grantedEntry(step, connection, done, by))
  // What shadow mode lets pass is as durable as what is granted before the credential is used.
  await Promise.all([granted, recordWaived(audit, step, allowed)])
  refuseEnded(step)
  for (const operation of done) activity.granted(step.id, summarise(operation))
  const permit: Permit = { ...permitOf(lease), ...(consent.once ? { once: true as const } : {}) }
  return deps.renewal.given(permit, { step, connection, operations: done, by })
}

/** What no grant allows, and shadow mode lets pass. */
async function recordWaived(
  audit: AuditClient,
  step: Step,
  allowed: readonly AllowedOperation[],
): Promise<void> {
  const waived = allowed.filter(({ shadow }) => shadow !== undefined)
  if (waived.length === 0) return
  const operations = waived.map(({ operation }) => operation)
  await audit.append(stepEvent(step, 'access.shadowed', recorded(operations)))
}

function wouldAllow(
  policy: Policy,
  step: Step,
  operation: Operation,
  { anyRef = false, granted, unasked }: WouldOptions = {},
): boolean {
  const decision = decideOne(policy, step, operation, anyRef)
  return (
    decision.allow &&
    (granted !== true || decision.shadow === undefined) &&
    (unasked !== true || anyRef || decision.conditions === undefined)
  )
}

function withoutRef({ action, connection, path }: Operation): Operation {
  return { action, connection, path }
}
