import type { AuditClient } from '../../audit/client/index.ts'
import { needsLease, type Broker, type Lease, type Step } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import type { Operation } from '../../policy/index.ts'
import type { Permission, Permit } from '../exchange.ts'
import { grantedEntry, type AllowedOperation } from './entry.ts'
import { permitOf, refuseEnded } from './given.ts'
import { notNow, type RefusalRecords } from './refusals.ts'

/** What a permission was given for. */
export interface GivenFor {
  readonly step: Step
  readonly connection: Connection
  readonly operations: readonly Operation[]
  readonly by: {
    readonly allowed: readonly AllowedOperation[]
    readonly lease: Lease | undefined
    readonly approvals: readonly string[]
    readonly detail: Readonly<Record<string, unknown>>
  }
}

/**
 * Permissions that something long lies behind: what is looked at before it is sent may end the very lease that it was to be sent with.
 */
export function createRenewal(deps: RefusalRecords & { broker: Pick<Broker, 'lease'>; audit: AuditClient }) {
  const given = new WeakMap<Permit, GivenFor>()

  /** Recorded as the first one was, for the same and by the same yes of people. */
  async function again(permit: Permit, { step, connection, operations, by }: GivenFor): Promise<Permit> {
    refuseEnded(step)
    if (!needsLease(connection)) return permit
    const lease = await deps.broker.lease(step, connection, by.allowed[0]?.grant ?? '')
    if (lease.id === by.lease?.id) return permit
    const now = { ...by, lease }
    await deps.audit.append(grantedEntry(step, connection, operations, now))
    refuseEnded(step)
    const renewed = { ...permit, ...permitOf(lease) }
    given.set(renewed, { step, connection, operations, by: now })
    return renewed
  }

  return {
    given(permit: Permit, what: GivenFor): Permit {
      given.set(permit, what)
      return permit
    },
    /** As it is while its lease is in force; with another lease, once that is in the log, if it is over. */
    async renewed(permit: Permit): Promise<Permission> {
      const known = given.get(permit)
      if (known === undefined) return permit
      try {
        return await again(permit, known)
      } catch (error) {
        return notNow(deps, known.step, known.operations, error)
      }
    },
  }
}
