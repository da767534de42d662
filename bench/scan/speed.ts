import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder } from '../../demo/stage.ts'
import type { BenchResult } from '../result.ts'
import { median } from '../statistics.ts'
import { sourceFiles, writeCorpus, writeHistory, writeStaged, type Corpus } from './corpus.ts'
import { run } from './run.ts'
import { isSkipped, scan, scanners, type Scanner, type What } from './scanners.ts'

const megabyte = 1_000_000
const names = ['mayfly', 'gitleaks', 'kingfisher']
const historyBytes = 200 * megabyte
/** All blobs of a repository, in the order in which they are packed. */
const readAll = 'git cat-file --batch-all-objects --unordered --buffer --batch'

interface Target {
  readonly text: string
  readonly holds: (value: number) => boolean
}

interface Measure {
  readonly name: string
  readonly what: What
  readonly corpus: (scanner: string) => Corpus
  readonly oneCore?: true
  readonly rounds: number
  readonly limitSeconds: number
  readonly unit: 'MB/s' | 's' | 'ms'
  readonly target: Target
  readonly memory?: Target
  /** What nobody can be faster than here. */
  readonly least?: { readonly name: string; readonly seconds: number }
}

interface Figure {
  readonly name: string
  readonly value: number
  /** In the same unit, as if it had had its cores to itself all the time. */
  readonly byProcessor: number
  readonly peakBytes: number
  readonly note: string
}

/**
 * How fast ours is beside others in one run, each from the start of its process to the end of its report, medians. A slow one reads
 * less of the sources, for its throughput; what is not done in time is stopped, and its figure is a bound in its favour. The history is of
 * 200 MB of blobs, a fifth of that for which the target is set, so that all of it takes minutes.
 */
export async function benchScanSpeed(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-scan-'))
  const at = (name: string) => {
    const own = join(folder, name)
    mkdirSync(own)
    return own
  }
  try {
    const files = sourceFiles(projectFolder)
    const whole = writeCorpus(files, at('whole'), 150 * megabyte)
    const part = writeCorpus(files, at('part'), 8 * megabyte, 7)
    const history = writeHistory(files, at('history'), historyBytes)
    const staged = writeStaged(files, at('staged'), 1_000)
    const sources = (scanner: string) => (scanner === 'gitleaks' ? part : whole)
    const gitReads = await secondsOf(['sh', '-c', `${readAll} >/dev/null`], history)
    const usual = { rounds: 3, limitSeconds: 60 }
    const measures: Measure[] = [
      {
        ...usual,
        name: 'sources, one core',
        what: 'tree',
        corpus: sources,
        oneCore: true,
        unit: 'MB/s',
        target: above(150),
        memory: below(300, 'MB'),
      },
      {
        ...usual,
        name: 'sources, all cores',
        what: 'tree',
        corpus: sources,
        unit: 'MB/s',
        target: above(275),
      },
      {
        ...usual,
        name: `history of ${historyBytes / megabyte} MB of blobs`,
        what: 'history',
        corpus: () => history,
        unit: 's',
        target: below((20 * historyBytes) / (1_000 * megabyte), 's'),
        least: { name: 'git cat-file', seconds: gitReads },
        memory: below(300, 'MB'),
      },
      {
        ...usual,
        name: '1,000 staged files',
        what: 'staged',
        corpus: () => staged,
        rounds: 7,
        unit: 'ms',
        target: below(300, 'ms'),
      },
    ]
    const results = [
      await reading(whole),
      { name: 'scan-speed: the history, git cat-file', value: gitReads, unit: 's' },
    ]
    for (const one of measures) results.push(...(await measureAll(one)))
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What no scanner can be faster than here: `cat`, on one core. */
async function reading(corpus: Corpus): Promise<BenchResult> {
  const command = ['sh', '-c', 'find . -type f -exec cat {} + >/dev/null']
  const seconds = await secondsOf(command, corpus)
  return {
    name: 'scan-speed: sources, one core, cat',
    value: corpus.bytes / megabyte / seconds,
    unit: 'MB/s',
  }
}

async function secondsOf(command: readonly string[], { folder }: Corpus): Promise<number> {
  const seconds: number[] = []
  for (let i = 0; i < 3; i++)
    seconds.push((await run(command, { cwd: folder, limitSeconds: 60, oneCore: true })).seconds)
  return median(seconds)
}

async function measureAll(one: Measure): Promise<BenchResult[]> {
  const figures: Figure[] = []
  for (const scanner of scanners(names)) {
    const figure = isSkipped(scanner) ? scanner : await measure(scanner, one)
    if (isSkipped(figure))
      process.stderr.write(`scan-speed: ${one.name}: ${figure.name} is left out: ${figure.why}\n`)
    else figures.push(figure)
  }
  const ours = figures.find(({ name }) => name === 'mayfly')
  return figures.flatMap((figure) => resultsOf(one, figure, ours))
}

/** On a machine that others work on, too, the clock says little of one core, and its processor time says the same as on a quiet one. */
function resultsOf(one: Measure, figure: Figure, ours: Figure | undefined): BenchResult[] {
  const { name, value, byProcessor, peakBytes, note } = figure
  const isOurs = name === 'mayfly'
  const judged = (measured: number, target: Target | undefined): Partial<BenchResult> =>
    !isOurs || target === undefined ? {} : { target: target.text, ok: target.holds(measured) }
  const beside = (measured: number, own: number | undefined): Partial<BenchResult> =>
    isOurs || own === undefined ? {} : { ratio: measured / own, against: 'ours' }
  const titled = (what: string) => `scan-speed: ${one.name}, ${what}${name}${note}`
  const peak = peakBytes / megabyte
  const isByProcessor = one.oneCore === true
  return [
    {
      ...{ name: titled(''), value, unit: one.unit },
      ...beside(value, ours?.value),
      ...(isOurs && one.least !== undefined
        ? { ratio: value / one.least.seconds, against: one.least.name }
        : {}),
      ...judged(value, isByProcessor ? undefined : one.target),
    },
    {
      ...{ name: titled('by processor time, '), value: byProcessor, unit: one.unit },
      ...beside(byProcessor, ours?.byProcessor),
      ...judged(byProcessor, isByProcessor ? one.target : undefined),
    },
    { name: titled('memory at its peak, '), value: peak, unit: 'MB', ...judged(peak, one.memory) },
  ]
}

async function measure(scanner: Scanner, one: Measure) {
  const { folder, bytes } = one.corpus(scanner.name)
  const seconds: number[] = []
  const cpuSeconds: number[] = []
  const peaks: number[] = []
  let isStopped = false
  for (let i = 0; i < one.rounds && !isStopped; i++) {
    const options = {
      cwd: folder,
      limitSeconds: one.limitSeconds,
      ...(one.oneCore === true ? { oneCore: true } : {}),
    }
    const scanned = await scan(scanner, one.what, options)
    if (isSkipped(scanned)) return scanned
    seconds.push(scanned.ran.seconds)
    cpuSeconds.push(scanned.ran.cpuSeconds)
    peaks.push(scanned.ran.peakBytes)
    isStopped = scanned.ran.isStopped
  }
  const inUnit = (took: number) => ({ 'MB/s': bytes / megabyte / took, s: took, ms: took * 1_000 })[one.unit]
  const note = isStopped ? ' (stopped before its end)' : ''
  const value = inUnit(median(seconds))
  const byProcessor = isStopped ? value : inUnit(median(cpuSeconds))
  return { name: scanner.name, value, byProcessor, peakBytes: Math.max(...peaks), note }
}

function above(least: number): Target {
  return { text: `>= ${least} MB/s`, holds: (value) => value >= least }
}

function below(most: number, unit: string): Target {
  return { text: `< ${most} ${unit}`, holds: (value) => value < most }
}
