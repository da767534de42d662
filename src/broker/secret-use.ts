import { MayflyError, type Clock } from '../lib/index.ts'
import { secretReferencesIn, type Connection } from '../connections/index.ts'
import { insertOnce, type Store } from '../store/index.ts'
import type { Lease, Step } from './model.ts'

/** A secret that a lease is made from, and which version was in use when that began. */
export interface UsedSecret {
  readonly secret: string
  /** 0: it is kept elsewhere, or is not there. */
  readonly version: number
}

/** A lease that was made from a secret. */
export interface UserOfSecret {
  readonly lease: string
  readonly step: string
  readonly connection: string
}

/** Which versions of which secrets leases are made from; and that none is made from one that others know. */
export function createSecretUse({ store, clock }: { store: Store; clock: Clock }) {
  const noted = new WeakMap<Step, Set<string>>()

  function refuseCompromised(used: readonly UsedSecret[]): void {
    for (const { secret, version } of used) {
      const known = store.find('secret_names', { name: secret })
      if (known === undefined || version > known.compromised_version || known.compromised_version === 0)
        continue
      throw new MayflyError(
        'denied',
        `secret "${secret}" is compromised, and has no new value yet: mayfly secret status ${secret}`,
      )
    }
  }

  return {
    /**
     * What a lease of this connection is made from: the kept credential itself, or what its issuer mints with. Asked before the
     * secret is opened, so that the version is never newer than what the lease has: an old value lives until the leases are
     * gone that could have it. Throws `denied` for one that is compromised.
     */
    before({ credential, clientCertificate }: Connection): UsedSecret[] {
      const names = new Set(secretReferencesIn(credential))
      if (clientCertificate !== undefined) names.add(clientCertificate.secret)
      const used = [...names].map((secret) => ({
        secret,
        version: store.find('secret_names', { name: secret })?.current_version ?? 0,
      }))
      refuseCompromised(used)
      return used
    },
    /** Written before anybody has the lease. Throws `denied` if one was compromised meanwhile. */
    async note(step: Step, lease: Lease, used: readonly UsedSecret[]): Promise<void> {
      const ofStep = noted.get(step) ?? new Set()
      noted.set(step, ofStep)
      if (used.length === 0 || ofStep.has(lease.id)) return
      const created_ms = clock.nowMs()
      await store.writeAll(() =>
        used.map(({ secret, version }) =>
          insertOnce('lease_secrets', { secret, version, lease_id: lease.id, created_ms }),
        ),
      )
      ofStep.add(lease.id)
      refuseCompromised(used)
    },
    /** Leases of steps that have not ended, made from this version or an older one. */
    async users(secret: string, version: number): Promise<UserOfSecret[]> {
      const rows = await store.read
        .selectFrom('lease_secrets')
        .innerJoin('leases', 'leases.id', 'lease_secrets.lease_id')
        .innerJoin('steps', 'steps.id', 'leases.step_id')
        .select(['leases.id', 'leases.step_id', 'leases.connection'])
        .where('lease_secrets.secret', '=', secret)
        .where('lease_secrets.version', '<=', version)
        .where('steps.ended_ms', 'is', null)
        .execute()
      return rows.map(({ id, step_id, connection }) => ({ lease: id, step: step_id, connection }))
    },
  }
}
