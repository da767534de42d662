import { insertRow, type Store } from '../store/index.ts'

/** How new the newest index of each suite was that a step has been given: once, for all servers on the store. */
export interface StoredArchiveDates {
  /** The newest Date of the suite so far, this one counted, in milliseconds since the epoch. Durable when it resolves. */
  newest(registry: string, suite: string, dateMs: number): Promise<number>
  /** The suites of an archive that a step was ever given, the newest first. */
  suites(registry: string): Promise<readonly string[]>
}

export function createStoredArchiveDates({ store }: { store: Store }): StoredArchiveDates {
  return {
    async suites(registry) {
      const rows = await store.read
        .selectFrom('archive_dates')
        .select('suite')
        .where('registry', '=', registry)
        .orderBy('date_ms', 'desc')
        .execute()
      return rows.map(({ suite }) => suite)
    },
    async newest(registry, suite, dateMs) {
      const known = store.find('archive_dates', { registry, suite })
      if (known !== undefined && known.date_ms >= dateMs) {
        // Readers see a row before the disk has it.
        await store.confirmed()
        return known.date_ms
      }
      return store.write(async (tables, run) => {
        const before = await tables
          .selectFrom('archive_dates')
          .selectAll()
          .where('registry', '=', registry)
          .where('suite', '=', suite)
          .executeTakeFirst()
        if (before === undefined) run(insertRow('archive_dates', { registry, suite, date_ms: dateMs }))
        else if (before.date_ms < dateMs)
          await tables
            .updateTable('archive_dates')
            .set({ date_ms: dateMs })
            .where('registry', '=', registry)
            .where('suite', '=', suite)
            .execute()
        return Math.max(dateMs, before?.date_ms ?? 0)
      })
    },
  }
}
