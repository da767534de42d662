import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileRules, type Rule } from '../src/scan/engine/index.ts'
import { createScanner, type Told } from '../src/scan/index.ts'
import { builtInRules, checks, finders } from '../src/scan/rules/index.ts'
import { folderSource } from '../src/scan/sources/index.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 7
/** Sources, declarations, maps, documents: what is in a checkout with its dependencies. */
const isSource = /\.(?:[cm]?[jt]sx?|json|md|map|ya?ml|css|html|py|c|h|cc)$/
const corpusBytes = 120_000_000

/** How fast files are searched for secrets by all built-in rules: in threads, with all that a file holds unpacked; by the engine alone. */
export async function benchScanEngine(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-scan-'))
  try {
    const files = corpus()
    files.forEach((bytes, i) => writeFileSync(join(folder, `${i}.txt`), bytes))
    const bytes = files.reduce((sum, one) => sum + one.length, 0)
    return [...engineAlone(files, bytes), ...(await inThreads(folder, bytes)), await commit(files)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function corpus(): Buffer[] {
  const files: Buffer[] = []
  let bytes = 0
  const names = readdirSync('node_modules', { recursive: true, withFileTypes: true })
  for (const entry of names) {
    if (!entry.isFile() || !isSource.test(entry.name) || bytes > corpusBytes) continue
    const file = readFileSync(join(entry.parentPath, entry.name))
    files.push(file)
    bytes += file.length
  }
  return files
}

/** MB/s of processor time of this thread; a machine that is shared has more to do than this. */
function engineAlone(files: readonly Buffer[], bytes: number): BenchResult[] {
  const engine = compileRules(builtInRules, { checks, finders, proven: new Set(builtInRules) })
  const speeds = Array.from({ length: rounds }, () =>
    speedOf(bytes, () => {
      for (const file of files) engine.find(file, () => undefined)
    }),
  )
  const keywords = compileRules([nothing()])
  const alone = Array.from({ length: rounds }, () =>
    speedOf(bytes, () => {
      for (const file of files) keywords.find(file, () => undefined)
    }),
  )
  const name = `scan-engine: ${builtInRules.length} rules`
  return [
    {
      name: `${name}, one thread, cold`,
      value: speeds[0] ?? 0,
      unit: 'MB/s',
      target: '>= 150 MB/s',
      ok: (speeds[0] ?? 0) >= 150,
    },
    { name: `${name}, one thread, warm`, value: median(speeds), unit: 'MB/s' },
    { name: 'scan-engine: their keywords alone', value: median(alone), unit: 'MB/s' },
  ]
}

/** All keywords, and nothing that may stand around them. */
function nothing(): Rule {
  const keywords = [...new Set(builtInRules.flatMap((rule) => rule.keywords.map((one) => one.toLowerCase())))]
  const literals = keywords.map((one) => one.replaceAll(/[^a-z0-9]/g, '\\$&'))
  const { id, title, vendor, source, confidence, examples } = builtInRules[0] as Rule
  return {
    id,
    title,
    vendor,
    source,
    confidence,
    examples,
    keywords,
    pattern: `\\z(?:${literals.join('|')})`,
  }
}

function speedOf(bytes: number, run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return bytes / (user + system)
}

async function inThreads(folder: string, bytes: number): Promise<BenchResult[]> {
  const results: BenchResult[] = []
  for (const [threads, target] of [
    [1, 150],
    [2, 275],
  ] as const) {
    const speeds: number[] = []
    for (let round = 0; round < rounds; round++) speeds.push(bytes / 1000 / (await scanMs(folder, threads)))
    const value = median(speeds)
    const name = `scan-engine: folder, ${threads} thread${threads > 1 ? 's' : ''}, from their start`
    results.push({ name, value, unit: 'MB/s', target: `>= ${target} MB/s`, ok: value >= target })
  }
  const rss = process.resourceUsage().maxRSS / 1024
  results.push({ name: 'scan-engine: memory, with the corpus in it', value: rss, unit: 'MiB' })
  return results
}

async function scanMs(folder: string, threads: number): Promise<number> {
  const started = performance.now()
  await using scanner = createScanner({ nowMs: Date.now(), threads })
  const told: Told = { findings: () => undefined, more: () => undefined, unseen: ({ why }) => fail(why) }
  await scanner.scan(folderSource(folder, { unseen: ({ why }) => fail(why) }), told)
  return performance.now() - started
}

function fail(why: string): never {
  throw new Error(`the corpus of the benchmark was not looked at: ${why}`)
}

/** A thousand files of a commit, with the start of the threads, but not of Node. */
async function commit(files: readonly Buffer[]): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-commit-'))
  try {
    files
      .slice(0, 1000)
      .forEach((bytes, i) => writeFileSync(join(folder, `${i}.txt`), bytes.subarray(0, 8192)))
    const times: number[] = []
    for (let round = 0; round < rounds; round++) times.push(await scanMs(folder, 2))
    return { name: 'scan-engine: 1,000 files, 2 threads, from their start', value: median(times), unit: 'ms' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
