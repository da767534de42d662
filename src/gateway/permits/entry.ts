import { stepEvent, type Lease, type Step } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { describeOperation, isOfConnection, type Allowed, type Operation } from '../../policy/index.ts'
import type { AttestedBy } from '../attested.ts'

/** Operations of one request that its entry names one by one; a push names its refs in its own detail, too. */
export const maxOperations = 50
const recordedBytes = 16_000

/** An operation that policy allows, by which grant, and with the attestations by which it does. */
export type AllowedOperation = Allowed & {
  readonly operation: Operation
  readonly attested?: readonly AttestedBy[]
}

/** The entry that must be in the log before the credential is used. */
export function grantedEntry(
  step: Step,
  { host }: Connection,
  operations: readonly Operation[],
  by: {
    readonly allowed: readonly AllowedOperation[]
    readonly lease: Lease | undefined
    readonly approvals: readonly string[]
    readonly detail: Readonly<Record<string, unknown>>
  },
) {
  const grants = by.allowed.filter(({ shadow }) => shadow === undefined).map(({ grant }) => grant)
  return stepEvent(step, 'access.granted', {
    ...(by.lease === undefined ? {} : { lease: by.lease.id }),
    host,
    operations: operations.slice(0, maxOperations),
    ...(operations.length > maxOperations ? { operationCount: operations.length } : {}),
    grants: [...new Set(grants)],
    ...(by.approvals.length === 0 ? {} : { approvals: by.approvals }),
    ...attestedIn(by.allowed),
    ...by.detail,
  })
}

/** Which attestations let it pass, as far as there is room. */
function attestedIn(allowed: readonly AllowedOperation[]): { attested?: readonly AttestedBy[] } {
  const attested = allowed.flatMap((one) => one.attested ?? []).slice(0, maxOperations)
  return attested.length === 0 ? {} : { attested }
}

/** As many operations as an entry has room for: a step must not keep its denial out of the log by a long name. */
export function recorded(operations: readonly Operation[]): {
  operations: Operation[]
  operationCount?: number
} {
  let left = recordedBytes
  const fitting = operations
    .slice(0, maxOperations)
    .filter((one) => (left -= Buffer.byteLength(JSON.stringify(one))) >= 0)
  const isWhole = fitting.length === operations.length
  return { operations: fitting, ...(isWhole ? {} : { operationCount: operations.length }) }
}

// Hundreds of packages are one line of the step's table; the log has each of them.
export function summarise(operation: Operation): string {
  return isOfConnection(operation.action)
    ? `${operation.action} ${operation.connection}`
    : describeOperation(operation)
}
