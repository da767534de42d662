import { MayflyError } from '../lib/index.ts'
import { isMinted, secretReferencesIn, type Connection } from '../connections/index.ts'
import type { Store } from '../store/index.ts'
import type { UsedSecret } from './model.ts'

/** A lease that was made from a secret. */
export interface UserOfSecret {
  readonly lease: string
  readonly step: string
  readonly connection: string
}

/** Which versions of which secrets leases are made from; and that none is used whose version others know, or that is dead. */
export function createSecretUse({ store }: { store: Store }) {
  return {
    /**
     * What a lease of this connection is made from: the kept credential itself, or what its issuer mints with. Asked before the
     * secret is opened, so that the version is never newer than what the lease has: an old value lives until the leases are
     * gone that could have it. Throws `denied` for one that is compromised.
     */
    before({ credential, clientCertificate }: Connection): UsedSecret[] {
      const isKept = credential !== undefined && !isMinted(credential)
      const held = new Map(secretReferencesIn(credential).map((secret) => [secret, isKept]))
      if (clientCertificate !== undefined) held.set(clientCertificate.secret, true)
      return [...held].map(([secret, isHeld]) => {
        const known = store.find('secret_names', { name: secret })
        if (
          known !== undefined &&
          known.current_version <= known.compromised_version &&
          known.compromised_version > 0
        )
          throw new MayflyError(
            'denied',
            `secret "${secret}" is compromised, and has no new value yet: mayfly secret status ${secret} says whether it is being rotated; if not, mayfly secret set ${secret}`,
          )
        return { secret, version: known?.current_version ?? 0, held: isHeld }
      })
    },
    /**
     * Why what was made from these is used no more, as the store says now: another server may have seen to it. Asked at each use,
     * so one row is read for each secret.
     */
    overBecause(from: readonly UsedSecret[]): 'secret_compromised' | 'secret_replaced' | undefined {
      for (const { secret, version, held } of from) {
        const known = version === 0 ? undefined : store.find('secret_names', { name: secret })
        if (known === undefined) continue
        if (version <= known.compromised_version) return 'secret_compromised'
        if (held && version <= known.dead_version && version < known.current_version) return 'secret_replaced'
      }
      return undefined
    },
    /** How many credentials are alive, or may be, that only this secret can end at their upstreams. */
    async neededBy(secret: string): Promise<number> {
      const row = await store.read
        .selectFrom('lease_secrets')
        .innerJoin('leases', 'leases.id', 'lease_secrets.lease_id')
        .select((e) => e.fn.count<number>('leases.id').distinct().as('count'))
        .where('lease_secrets.secret', '=', secret)
        .where('leases.plan', 'is not', null)
        .where('leases.state', 'in', ['requested', 'issued', 'revoking', 'revoke_failed'])
        .executeTakeFirst()
      return row?.count ?? 0
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

export type SecretUse = ReturnType<typeof createSecretUse>
