import {
  type Bundles,
  type Checkpoint,
  createTileHashes,
  equalBytes,
  type LogSource,
  parseEntry,
  proveConsistency,
  tileWidth,
  verifyConsistency,
} from '../verify/index.ts'
import type { IndexFile } from './index-file.ts'
import { peopleIn } from './people.ts'
import { createRuns, type Runs } from './runs.ts'
import { termsOf } from './terms.ts'

export interface Log {
  readonly source: LogSource
  /** Believed: every entry is held against it. */
  readonly under: Checkpoint
  readonly bundles: Bundles
}

/** Bundles whose terms are written together. */
const bundlesAtOnce = 64

/**
 * Brings the index up to the end of the log. False if what was indexed is not the beginning of this log: it is an older copy,
 * another log, or its history was rewritten.
 */
export async function updateIndex(
  file: IndexFile,
  log: Log,
  onProgress: (done: number, of: number) => void,
): Promise<boolean> {
  const { under } = log
  const rootAt = createRoots(log)
  const before = stateOf(file)
  if (before !== undefined) {
    if (before.origin !== under.origin || before.size > under.size) return false
    if (!equalBytes(await rootAt(before.size), before.root)) return false
  }
  const write = createWriter(file)
  for (let size = before?.size ?? 0; size < under.size;) {
    const to = Math.min((Math.floor(size / tileWidth) + bundlesAtOnce) * tileWidth, under.size)
    const entries = await readRange(log, size, to)
    const root = await rootAt(to)
    const from = size
    size = file.write(() => {
      // Another command may have been faster: what it wrote is not written twice.
      const now = stateOf(file)?.size ?? 0
      if (now !== from) return now
      addEntries(write, createRuns(file), from, entries)
      file.prepare('INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)').run(under.origin, to, root)
      return to
    })
    onProgress(size, under.size)
  }
  return true
}

/** The root that the log had at an earlier size, shown to be its own by a consistency proof. */
function createRoots({ source, under }: Log): (size: number) => Promise<Uint8Array> {
  const hashes = createTileHashes(source, under.size)
  return async (size) => {
    if (size === 0) return new Uint8Array(0)
    const root = await hashes.range(0, size)
    const proof = await proveConsistency(hashes, size, under.size)
    const claim = { oldSize: size, newSize: under.size, oldRoot: root, newRoot: under.root }
    if (verifyConsistency(claim, proof)) return root
    throw new Error(`the audit log ${source.name} is not what its checkpoint signs: its tiles are others`)
  }
}

async function readRange({ bundles }: Log, from: number, to: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  for (let index = from; index < to;) {
    const first = index - (index % tileWidth)
    const part = (await bundles.read(first / tileWidth)).slice(index - first, to - first)
    entries.push(...part)
    index += part.length
  }
  return entries
}

function addEntries(write: Writer, runs: Runs, from: number, entries: readonly Uint8Array[]): void {
  const seen = new Set<string>()
  for (const [i, bytes] of entries.entries()) {
    const index = from + i
    if (index % tileWidth === 0) seen.clear()
    const entry = parseEntry(bytes)
    if (entry === undefined) continue
    const bundle = Math.floor(index / tileWidth)
    runs.add(index, entry)
    write.time(bundle, Date.parse(entry.time) || 0)
    for (const [kind, value] of termsOf(entry, runs.job(entry.run))) {
      const key = `${kind} ${value}`
      if (!seen.has(key)) write.posting(kind, value, bundle)
      seen.add(key)
    }
    for (const person of peopleIn(entry.data)) write.person(person, index)
  }
  runs.save()
}

interface Writer {
  posting(kind: string, value: string, bundle: number): void
  person(person: string, index: number): void
  time(bundle: number, ms: number): void
}

/** Ids of terms that are kept in memory: those that come in every bundle. */
const keptTerms = 100_000

function createWriter(file: IndexFile): Writer {
  const ids = new Map<string, number | bigint>()
  const find = file.prepare('SELECT id FROM terms WHERE kind = ? AND value = ?')
  const add = file.prepare('INSERT INTO terms (kind, value) VALUES (?, ?)')
  const post = file.prepare('INSERT OR IGNORE INTO postings VALUES (?, ?)')
  const note = file.prepare(
    'INSERT INTO bundles VALUES (?1, ?2, ?2) ON CONFLICT DO UPDATE SET from_ms = min(from_ms, ?2), to_ms = max(to_ms, ?2)',
  )
  const meet = file.prepare(
    'INSERT INTO people VALUES (?1, ?2, ?2) ON CONFLICT DO UPDATE SET last_entry = ?2',
  )

  function idOf(kind: string, value: string): number | bigint {
    const key = `${kind} ${value}`
    const known = ids.get(key)
    if (known !== undefined) return known
    const id = (find.get(kind, value)?.['id'] as number | undefined) ?? add.run(kind, value).lastInsertRowid
    if (ids.size >= keptTerms) ids.clear()
    ids.set(key, id)
    return id
  }

  return {
    posting: (kind, value, bundle) => void post.run(idOf(kind, value), bundle),
    person: (person, index) => void meet.run(person, index),
    time: (bundle, ms) => void note.run(bundle, ms),
  }
}

interface State {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

export function stateOf(file: IndexFile): State | undefined {
  const row = file.prepare('SELECT origin, size, root FROM state').get()
  if (row === undefined) return undefined
  return { origin: row['origin'] as string, size: row['size'] as number, root: row['root'] as Uint8Array }
}
