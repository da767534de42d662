import { didYouMean, messageOf } from '../../lib/index.ts'
import {
  type Checkpoint,
  type Entry,
  type LogSource,
  openBundles,
  parseEntry,
  tileWidth,
} from '../verify/index.ts'
import { stateOf, updateIndex, type Log } from './build.ts'
import { openIndexFile, type IndexFile } from './index-file.ts'
import { globOf, matcherOf, type Wanted } from './pattern.ts'
import { createRuns, runOf, type FoundRun, type Runs } from './runs.ts'
import { termsOf, type Term, type TermKind } from './terms.ts'

/** What is asked: of each kind one of its values, and all kinds together. Times are Unix milliseconds, `toMs` not included. */
export interface Query {
  readonly terms: Readonly<Partial<Record<TermKind, readonly string[]>>>
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

export interface Found {
  readonly index: number
  readonly entry: Entry
}

/** A value that no entry of the log has, and one that may have been meant. */
export interface UnknownValue extends Wanted {
  readonly meant: string | undefined
}

export interface Search {
  /** The values of the query that no entry has; then nothing can be found. */
  unknown(query: Query): UnknownValue[]
  /** In the order of the log; or its end first. */
  find(query: Query, order?: 'oldest' | 'newest'): AsyncGenerator<Found>
  /** Runs by their newest entry, newest first. */
  runs(): Generator<FoundRun>
  /** Every person of whom a name stands sealed in the log, and the first and last entry where one does. */
  people(): { readonly person: string; readonly entries: readonly number[] }[]
  /** One entry. */
  entry(index: number): Promise<Entry | undefined>
  close(): void
}

/**
 * `file`: where the index is kept; without it, or where it is of another history, one is made in memory. `tell` hears how far that is,
 * and what is odd.
 */
export async function openSearch(options: {
  source: LogSource
  under: Checkpoint
  file: string | undefined
  tell: (line: string) => void
}): Promise<Search> {
  const { source, under, tell } = options
  const log: Log = { source, under, bundles: openBundles(source, under.size, under.root) }
  const file = await indexOf(log, options.file, tell)
  return createSearch(file, log)
}

async function indexOf(log: Log, path: string | undefined, tell: (line: string) => void): Promise<IndexFile> {
  const file = openOrTell(path, tell)
  try {
    if (await updateIndex(file, log, progress(tell))) return file
  } catch (error) {
    file.close()
    throw error
  }
  const before = stateOf(file)
  file.close()
  tell(
    `this log is no continuation of the one that ${path} was made of (${before?.origin}, ${before?.size} entries): it is an older copy or another log, or its history was rewritten. It is read without an index; delete the file if that is as it should be`,
  )
  const own = openIndexFile(undefined)
  await updateIndex(own, log, progress(tell))
  return own
}

/** No place for an index is no reason not to answer. */
function openOrTell(path: string | undefined, tell: (line: string) => void): IndexFile {
  try {
    return openIndexFile(path)
  } catch (error) {
    tell(`no index can be kept at ${path}, so the whole log is read: ${messageOf(error)}`)
    return openIndexFile(undefined)
  }
}

const progressEveryMs = 5_000

function progress(tell: (line: string) => void): (done: number, of: number) => void {
  let toldMs = Date.now()
  return (done, of) => {
    if (Date.now() - toldMs < progressEveryMs) return
    toldMs = Date.now()
    tell(`${done.toLocaleString('en')} of ${of.toLocaleString('en')} entries are indexed`)
  }
}

function createSearch(file: IndexFile, log: Log): Search {
  const runs = createRuns(file)
  const entryOf = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : parseEntry(bytes))

  return {
    unknown: (query) =>
      wantedIn(query)
        .filter((one) => !isKnown(file, one))
        .map((one) => ({ ...one, meant: meantBy(file, one) })),
    async *find(query, order = 'oldest') {
      const isWanted = createFilter(query, runs)
      for (const bundle of candidates(file, query, order)) {
        const entries = await log.bundles.read(bundle)
        const found = entries.flatMap((bytes, i) => {
          const entry = entryOf(bytes)
          return entry !== undefined && isWanted(entry) ? [{ index: bundle * tileWidth + i, entry }] : []
        })
        yield* order === 'oldest' ? found : found.reverse()
      }
    },
    *runs() {
      for (const row of file.prepare('SELECT * FROM runs ORDER BY last_entry DESC').iterate())
        yield runOf(row)
    },
    people: () =>
      file
        .prepare('SELECT person, first_entry, last_entry FROM people')
        .all()
        .map((row) => ({
          person: row['person'] as string,
          entries: [row['first_entry'] as number, row['last_entry'] as number],
        })),
    async entry(index) {
      if (!(index >= 0 && index < log.under.size)) return undefined
      return entryOf((await log.bundles.read(Math.floor(index / tileWidth)))[index % tileWidth])
    },
    close: () => file.close(),
  }
}

function wantedIn({ terms }: Query): Wanted[] {
  return Object.entries(terms).flatMap(([kind, values]) =>
    values.map((value) => ({ kind: kind as TermKind, value: kind === 'host' ? value.toLowerCase() : value })),
  )
}

/** The condition of SQL that a term is this one, and its parameters. */
function conditionOf(wanted: Wanted): { sql: string; values: string[] } {
  const glob = globOf(wanted)
  return {
    sql: `(kind = ? AND value ${glob === undefined ? '=' : 'GLOB'} ?)`,
    values: [wanted.kind, glob ?? wanted.value],
  }
}

function isKnown(file: IndexFile, wanted: Wanted): boolean {
  const { sql, values } = conditionOf(wanted)
  return file.prepare(`SELECT 1 FROM terms WHERE ${sql} LIMIT 1`).get(...values) !== undefined
}

const maxCandidates = 20_000

function meantBy(file: IndexFile, { kind, value }: Wanted): string | undefined {
  const rows = file.prepare('SELECT value FROM terms WHERE kind = ? LIMIT ?').all(kind, maxCandidates)
  return didYouMean(
    value,
    rows.map((row) => row['value'] as string),
  )
}

/** The bundles that may hold an answer: for each kind those of any of its values, and those within the time. */
function candidates(file: IndexFile, query: Query, order: 'oldest' | 'newest'): number[] {
  const parts = [...Map.groupBy(wantedIn(query), ({ kind }) => kind).values()].map((wanted) => {
    const conditions = wanted.map(conditionOf)
    const terms = `SELECT id FROM terms WHERE ${conditions.map(({ sql }) => sql).join(' OR ')}`
    return {
      sql: `bundle IN (SELECT bundle FROM postings WHERE term IN (${terms}))`,
      values: conditions.flatMap(({ values }) => values),
    }
  })
  const { fromMs = 0, toMs = Number.MAX_SAFE_INTEGER } = query
  const where = ['to_ms >= ?', 'from_ms < ?', ...parts.map(({ sql }) => sql)].join(' AND ')
  const direction = order === 'oldest' ? 'ASC' : 'DESC'
  return file.database
    .prepare(`SELECT bundle FROM bundles WHERE ${where} ORDER BY bundle ${direction}`)
    .all(fromMs, toMs, ...parts.flatMap(({ values }) => values))
    .map((row) => row['bundle'] as number)
}

/** The index says which bundle; this says which entry. */
function createFilter(query: Query, runs: Runs): (entry: Entry) => boolean {
  const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = query
  const groups = [...Map.groupBy(wantedIn(query), ({ kind }) => kind).values()].map((wanted) =>
    wanted.map(matcherOf),
  )
  return (entry) => {
    const ms = Date.parse(entry.time) || 0
    if (ms < fromMs || ms >= toMs) return false
    const terms: Term[] = groups.length === 0 ? [] : termsOf(entry, runs.job(entry.run))
    return groups.every((matchers) => terms.some((term) => matchers.some((matches) => matches(term))))
  }
}
