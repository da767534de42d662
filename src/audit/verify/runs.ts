import { parseEntry } from './entry.ts'

/** What is wrong with the record of a run. Stable: scripts match on these. */
export type RunProblemKind = 'gap' | 'unfinished' | 'duplicate' | 'unnumbered'

export interface RunProblem {
  run: string
  kind: RunProblemKind
  /** One line: which numbers, which entries of the log. */
  message: string
}

export interface RunsVerdict {
  runs: number
  finished: number
  /** Not finished, and still young enough to be under way. */
  open: string[]
  problems: RunProblem[]
  /** Entries that this format does not know, by index; at most 1,000 are listed. */
  unreadable: number[]
}

export interface RunsCheck {
  /** Every entry of the log, in order, from the first one on. */
  add(index: number, bytes: Uint8Array): void
  verdict(): RunsVerdict
}

interface Run {
  /** Every number below this one has been seen, or given up. */
  upTo: number
  /** Numbers above that were seen before one below them, and the index of their entry. */
  ahead: Map<number, number>
  max: number
  /** The index of the newest entry, and the time of it. */
  lastIndex: number
  lastMs: number
  /** Before its first session a run may have had questions to people only; then it need not end. */
  started: boolean
  finished: { seq: number } | undefined
  /** Numbers that the writer says may never have arrived. */
  givenUp: Set<number>
  unnumbered: number | undefined
  duplicate: { seq: number; index: number } | undefined
  /**
   * The writer may not have known how far it was when it started again: since then, each number up to the highest before
   * (`max`) may come once more. Which did.
   */
  restart: { count: number; max: number; again: Set<number> }
}

/** No session lives longer; a run whose last word is older than this and an hour has lost its end. */
const longestRunMs = 25 * 3_600_000
const maxListed = 1_000

/**
 * Finds runs whose record has holes. Within a run every entry has a number from 0, and `run.finished` is the last one: an
 * entry that was written and never arrived, or was taken out before it did, leaves a gap.
 * It verifies no hashes: `verifyLog` does. Keeps a few hundred bytes for each run.
 */
export function createRunsCheck(): RunsCheck {
  const runs = new Map<string, Run>()
  const problems: RunProblem[] = []
  const unreadable: number[] = []
  let [restarts, newestMs] = [0, 0]

  function runOf(name: string): Run {
    const known = runs.get(name)
    if (known !== undefined) return known
    const run: Run = {
      upTo: 0,
      ahead: new Map(),
      max: -1,
      lastIndex: -1,
      lastMs: 0,
      started: false,
      finished: undefined,
      givenUp: new Set(),
      unnumbered: undefined,
      duplicate: undefined,
      restart: { count: restarts, max: -1, again: new Set() },
    }
    runs.set(name, run)
    return run
  }

  function complain(name: string, kind: RunProblemKind, message: string): void {
    problems.push({ run: name, kind, message })
  }

  function judge(name: string, run: Run): void {
    const { unnumbered, duplicate, finished: end } = run
    if (unnumbered !== undefined)
      complain(name, 'unnumbered', `entry ${unnumbered} of the log has no number in it`)
    if (duplicate !== undefined)
      complain(
        name,
        'duplicate',
        `number ${duplicate.seq} is there twice, again as entry ${duplicate.index} of the log`,
      )
    const missing = missingIn(run)
    if (missing.length > 0)
      complain(name, 'gap', `${rangesOf(missing)} missing before entry ${run.lastIndex} of the log`)
    const isOld = newestMs - run.lastMs > longestRunMs
    if (run.started && end === undefined && isOld)
      complain(
        name,
        'unfinished',
        `its end is missing after number ${run.max}, entry ${run.lastIndex} of the log`,
      )
  }

  return {
    add(index, bytes) {
      const entry = parseEntry(bytes)
      if (entry === undefined) {
        if (unreadable.length < maxListed) unreadable.push(index)
        return
      }
      if (entry.type === 'server.started') restarts++
      newestMs = Math.max(newestMs, Date.parse(entry.time) || 0)
      if (entry.run === undefined) return
      const run = runOf(entry.run)
      run.lastIndex = index
      run.lastMs = Math.max(run.lastMs, Date.parse(entry.time) || 0)
      if (entry.seq === undefined) run.unnumbered ??= index
      else note(run, entry.seq, index, restarts)
      if (entry.type === 'run.started') run.started = true
      if (entry.type === 'entries.lost') giveUp(run, entry.data)
      if (entry.type === 'run.finished') run.finished = { seq: entry.seq ?? -1 }
      else if (entry.type === 'session.issued') run.finished = undefined
    },
    verdict() {
      const open: string[] = []
      let finished = 0
      problems.length = 0
      for (const [name, run] of runs) {
        judge(name, run)
        if (run.finished !== undefined) finished++
        else if (run.started && newestMs - run.lastMs <= longestRunMs) open.push(name)
      }
      return { runs: runs.size, finished, open, problems: [...problems], unreadable: [...unreadable] }
    },
  }
}

function note(run: Run, seq: number, index: number, restarts: number): void {
  if (run.restart.count !== restarts) run.restart = { count: restarts, max: run.max, again: new Set() }
  if (isRepeated(run, seq)) run.duplicate ??= { seq, index }
  if (seq <= run.restart.max) run.restart.again.add(seq)
  run.max = Math.max(run.max, seq)
  if (seq >= run.upTo) run.ahead.set(seq, index)
  advance(run)
}

function isRepeated({ restart, upTo, ahead, givenUp }: Run, seq: number): boolean {
  if (seq <= restart.max) return restart.again.has(seq)
  return (seq < upTo && !givenUp.has(seq)) || ahead.has(seq)
}

function giveUp(run: Run, { numbers }: Readonly<Record<string, unknown>>): void {
  if (!Array.isArray(numbers)) return
  for (const one of numbers as unknown[]) if (Number.isSafeInteger(one)) run.givenUp.add(one as number)
  advance(run)
}

function advance(run: Run): void {
  while (run.ahead.delete(run.upTo) || run.givenUp.has(run.upTo)) run.upTo++
}

/** Where numbers below the highest were neither seen nor given up, from and to; however far apart, it costs what was seen. */
function missingIn({ upTo, max, ahead, givenUp }: Run): [from: number, to: number][] {
  const known = [...new Set([...ahead.keys(), ...givenUp])].filter((seq) => seq >= upTo && seq <= max)
  const missing: [number, number][] = []
  let next = upTo
  for (const seq of known.sort((a, b) => a - b)) {
    if (seq > next) missing.push([next, seq - 1])
    next = seq + 1
  }
  return missing
}

function rangesOf(missing: readonly (readonly [from: number, to: number])[]): string {
  const ranges = missing
    .slice(0, maxListed)
    .map(([from, to]) => (from === to ? String(from) : `${from} to ${to}`))
  const isOne = missing.length === 1 && missing[0]?.[0] === missing[0]?.[1]
  const more = missing.length > maxListed ? ' and more' : ''
  return `${isOne ? 'number' : 'numbers'} ${ranges.join(', ')}${more} ${isOne ? 'is' : 'are'}`
}
