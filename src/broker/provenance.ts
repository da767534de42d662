import { insertRow, type Store } from '../store/index.ts'

/** Where versions of a package come from, as a step had one that proved it. */
export interface KnownProvenance {
  readonly issuer: string
  readonly repository: string
  readonly repositoryId: string | undefined
  /** The version that was seen, and when the earliest of those was published that came from there. */
  readonly version: string
  readonly sinceMs: number
}

/** Which packages of registries have provenance, and from where: once, for all servers on the store. */
export interface StoredProvenance {
  /** `name`: a package URL without a version; `registry`: `host:port/base`. */
  of(registry: string, name: string): Promise<KnownProvenance | undefined>
  /**
   * What is known of it then: `seen`, if nothing was, or `replace` says so. Of the same repository the earliest time is kept.
   * Durable when it resolves.
   */
  see(
    registry: string,
    name: string,
    seen: KnownProvenance,
    options: { isSame: (known: KnownProvenance) => boolean; replace: boolean },
  ): Promise<KnownProvenance>
}

export function createStoredProvenance({ store }: { store: Store }): StoredProvenance {
  return {
    async of(registry, name) {
      const row = store.find('provenance', { registry, name })
      // Readers see a row before the disk has it.
      if (row !== undefined) await store.confirmed()
      return row === undefined ? undefined : knownOf(row)
    },
    see: (registry, name, seen, { isSame, replace }) =>
      store.write(async (tables, run) => {
        const row = await tables
          .selectFrom('provenance')
          .selectAll()
          .where('registry', '=', registry)
          .where('name', '=', name)
          .executeTakeFirst()
        const known = row === undefined ? undefined : knownOf(row)
        const isNew = known === undefined || replace
        if (!isNew && !(isSame(known) && seen.sinceMs < known.sinceMs)) return known
        const next = isNew ? seen : { ...known, sinceMs: seen.sinceMs }
        if (row !== undefined)
          await tables
            .deleteFrom('provenance')
            .where('registry', '=', registry)
            .where('name', '=', name)
            .execute()
        run(insertRow('provenance', { registry, name, ...rowOf(next) }))
        return next
      }),
  }
}

function knownOf(row: {
  issuer: string
  repository: string
  repository_id: string | null
  version: string
  since_ms: number
}): KnownProvenance {
  const { issuer, repository, repository_id: id, version, since_ms: sinceMs } = row
  return { issuer, repository, repositoryId: id ?? undefined, version, sinceMs }
}

function rowOf({ issuer, repository, repositoryId, version, sinceMs }: KnownProvenance) {
  return { issuer, repository, repository_id: repositoryId ?? null, version, since_ms: sinceMs }
}
