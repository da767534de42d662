import type { Store } from '../store/index.ts'

export interface LastUse {
  readonly atMs: number
  readonly run: string
  readonly role: string
  readonly step: string
}

/** Which leases were made from a secret. */
export function createLeaseUse({ read }: Pick<Store, 'read'>) {
  return {
    /** Of those that hold the secret as it is: how many stand that were made from `version`, or an older one after `after`. */
    async open(secret: string, version: number, after = -1): Promise<number> {
      const row = await read
        .selectFrom('lease_secrets')
        .innerJoin('leases', 'leases.id', 'lease_secrets.lease_id')
        .select((e) => e.fn.countAll<number>().as('count'))
        .where('lease_secrets.secret', '=', secret)
        .where('lease_secrets.version', '<=', version)
        .where('lease_secrets.version', '>', after)
        .where('leases.kind', '=', 'static')
        .where('leases.revoked_ms', 'is', null)
        .executeTakeFirst()
      return row?.count ?? 0
    },
    async last(secret: string): Promise<LastUse | undefined> {
      const row = await read
        .selectFrom('lease_secrets')
        .innerJoin('leases', 'leases.id', 'lease_secrets.lease_id')
        .innerJoin('steps', 'steps.id', 'leases.step_id')
        .innerJoin('sessions', 'sessions.id', 'leases.session_id')
        .select(['lease_secrets.created_ms', 'sessions.run_id', 'steps.role', 'steps.name'])
        .where('lease_secrets.secret', '=', secret)
        .orderBy('lease_secrets.created_ms', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) return undefined
      return { atMs: row.created_ms, run: row.run_id, role: row.role, step: row.name }
    },
  }
}

export type LeaseUse = ReturnType<typeof createLeaseUse>
