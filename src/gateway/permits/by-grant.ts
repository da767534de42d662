import type { AuditClient } from '../../audit/client/index.ts'
import { needsLease, stepEvent, type Broker, type Lease, type Step } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { isOfConnection, type Allowed, type Operation } from '../../policy/index.ts'
import type { DownloadRecord } from '../downloads/record.ts'
import type { Permission } from '../exchange.ts'
import { summarise } from './entry.ts'
import { permitOf, refuseEnded } from './given.ts'
import { notNow, type RefusalRecords } from './refusals.ts'

/** Lets operations in by a grant as a whole, which is recorded once while the step runs, before the first of them. */
export function createGrantAsWhole(
  deps: RefusalRecords & { broker: Broker; audit: AuditClient; downloads: DownloadRecord },
) {
  const { broker, audit, downloads, activity } = deps
  /** Of each step, by connection, grant and lease: the entry that says what the lease is for. */
  const entries = new WeakMap<Step, Map<string, Promise<unknown>>>()

  async function recordOnce(step: Step, key: string, append: () => Promise<unknown>): Promise<void> {
    const known = entries.get(step) ?? new Map<string, Promise<unknown>>()
    entries.set(step, known)
    const entry = known.get(key) ?? append()
    known.set(key, entry)
    try {
      await entry
      downloads.assertWritable(step)
      refuseEnded(step)
    } catch (error) {
      // The next one tries again.
      if (known.get(key) === entry) known.delete(key)
      throw error
    }
  }

  return async (
    step: Step,
    connection: Connection,
    operation: Operation,
    { grant }: Allowed,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<Permission> => {
    try {
      // A minted credential may end before its step: each asks for the one that is in force.
      const lease = needsLease(connection) ? await broker.lease(step, connection, grant) : undefined
      await recordOnce(step, `${connection.name} ${grant} ${lease?.id ?? ''}`, () =>
        audit.append(wholeEntry(step, connection, operation, { grant, lease, detail })),
      )
      // Which keys or files they were is nobody's business; the grant says what for.
      activity.granted(step.id, isOfConnection(operation.action) ? summarise(operation) : grant)
      return permitOf(lease)
    } catch (error) {
      return notNow(deps, step, [operation], error)
    }
  }
}

function wholeEntry(
  step: Step,
  { name, host }: Connection,
  { action }: Operation,
  by: { grant: string; lease: Lease | undefined; detail: Readonly<Record<string, unknown>> },
) {
  return stepEvent(step, 'access.granted', {
    ...(by.lease === undefined ? {} : { lease: by.lease.id }),
    host,
    operations: [{ action, connection: name, path: '' }],
    grants: [by.grant],
    ...by.detail,
  })
}
