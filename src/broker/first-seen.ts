import type { Clock } from '../lib/index.ts'
import { insertRow, type Store } from '../store/index.ts'

/** Which file of which registry: by the package that it is, and by where it is, since who names a package may name it wrongly. */
export interface SeenFile {
  /** `host:port/base`, whatever the connection is called. */
  readonly registry: string
  readonly purl: string
  /** Below the registry, with its query. */
  readonly path: string
}

export interface FirstSeen {
  /** As the audit log has it: `sha256:HEX`, of a Go module `h1:BASE64`. */
  readonly digest: string
  readonly seenMs: number
  /** Whether the audit log has it. */
  readonly recorded: boolean
}

/** What each file of a registry was when a step had it for the first time: once, for all servers on the store. */
export interface StoredFirstSeen {
  /** What it was then: these bytes, if it had not been seen. Durable when it resolves. */
  see(file: SeenFile, digest: string): Promise<FirstSeen>
  /** The audit log has them now. */
  recorded(files: readonly SeenFile[]): Promise<void>
}

export function createStoredFirstSeen(deps: { store: Store; clock: Clock }): StoredFirstSeen {
  const { store, clock } = deps
  return {
    async see(file, digest) {
      const { registry, purl, path } = file
      const known = store.find('first_seen', { registry, purl, path })
      if (known !== undefined) {
        // Readers see a row before the disk has it.
        await store.confirmed()
        return seenOf(known)
      }
      return store.write(async (tables, run) => {
        const before = await tables
          .selectFrom('first_seen')
          .selectAll()
          .where('registry', '=', registry)
          .where('purl', '=', purl)
          .where('path', '=', path)
          .executeTakeFirst()
        if (before !== undefined) return seenOf(before)
        const row = { registry, purl, path, digest, seen_ms: clock.nowMs(), recorded_ms: null }
        run(insertRow('first_seen', row))
        return seenOf(row)
      })
    },
    async recorded(files) {
      const nowMs = clock.nowMs()
      await store.writeAll((tables) =>
        files.map(({ registry, purl, path }) =>
          tables
            .updateTable('first_seen')
            .set({ recorded_ms: nowMs })
            .where('registry', '=', registry)
            .where('purl', '=', purl)
            .where('path', '=', path),
        ),
      )
    },
  }
}

function seenOf(row: { digest: string; seen_ms: number; recorded_ms: number | null }): FirstSeen {
  return { digest: row.digest, seenMs: row.seen_ms, recorded: row.recorded_ms !== null }
}
