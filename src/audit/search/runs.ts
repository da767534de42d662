import { factsOf, type Facts } from '../facts/index.ts'
import type { Entry } from '../verify/index.ts'
import type { IndexFile } from './index-file.ts'

/** A run as its entries tell it. Times in Unix milliseconds. */
export interface FoundRun {
  readonly run: string
  readonly job: Facts['job']
  readonly firstEntry: number
  readonly lastEntry: number
  readonly firstMs: number
  readonly lastMs: number
  readonly ended: boolean
  readonly steps: number
  /** Steps that did not end well. */
  readonly failed: number
  /** Refusals, also those that are only counted. */
  readonly denied: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** What is known of runs so far: a part of it in memory while an index is made. */
export interface Runs {
  job(run: string | undefined): Facts['job']
  add(index: number, entry: Entry): void
  /** Writes what changed. */
  save(): void
}

/** As many runs as may be open at a time; the rest is read again when it comes. */
const keptRuns = 20_000

export function createRuns(file: IndexFile): Runs {
  const known = new Map<string, Writable<FoundRun>>()
  const changed = new Set<string>()

  function load(run: string): Writable<FoundRun> | undefined {
    const cached = known.get(run)
    if (cached !== undefined) return cached
    const row = file.prepare('SELECT * FROM runs WHERE run = ?').get(run)
    const found = row === undefined ? undefined : runOf(row)
    if (found !== undefined) known.set(run, found)
    return found
  }

  return {
    job: (run) => (run === undefined ? {} : (load(run)?.job ?? {})),
    add(index, entry) {
      if (entry.run === undefined) return
      const run = load(entry.run) ?? begin(index, entry, entry.run)
      note(run, index, entry)
      known.set(entry.run, run)
      changed.add(entry.run)
    },
    save() {
      for (const name of changed) {
        const run = known.get(name)
        if (run !== undefined) store(file, run)
      }
      changed.clear()
      if (known.size > keptRuns) known.clear()
    },
  }
}

function begin(index: number, { time }: Entry, run: string): Writable<FoundRun> {
  const ms = Date.parse(time) || 0
  const none = { ended: false, steps: 0, failed: 0, denied: 0 }
  return { run, job: {}, firstEntry: index, lastEntry: index, firstMs: ms, lastMs: ms, ...none }
}

function note(run: Writable<FoundRun>, index: number, entry: Entry): void {
  const { job, outcome, count } = factsOf(entry)
  run.job = { ...run.job, ...job }
  run.lastEntry = index
  run.lastMs = Math.max(run.lastMs, Date.parse(entry.time) || 0)
  if (entry.type === 'session.issued') run.ended = false
  if (entry.type === 'run.finished') run.ended = true
  if (entry.type === 'step.started') run.steps++
  if (entry.type === 'step.finished' && outcome === 'failed') run.failed++
  if (outcome === 'denied' || outcome === 'refused') run.denied += count
}

function store(file: IndexFile, run: FoundRun): void {
  file
    .prepare('INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      run.run,
      JSON.stringify(run.job),
      run.firstEntry,
      run.lastEntry,
      run.firstMs,
      run.lastMs,
      run.ended ? 1 : 0,
      run.steps,
      run.failed,
      run.denied,
    )
}

export function runOf(row: Readonly<Record<string, unknown>>): FoundRun {
  return {
    run: row['run'] as string,
    job: JSON.parse(row['job'] as string) as Facts['job'],
    firstEntry: row['first_entry'] as number,
    lastEntry: row['last_entry'] as number,
    firstMs: row['first_ms'] as number,
    lastMs: row['last_ms'] as number,
    ended: row['ended'] === 1,
    steps: row['steps'] as number,
    failed: row['failed'] as number,
    denied: row['denied'] as number,
  }
}
