import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { openSearch, type Query } from '../src/audit/search/index.ts'
import {
  formatEntry,
  parseVerifierKey,
  readEntries,
  textOf,
  verifyCheckpoint,
  type Checkpoint,
  type LogSource,
} from '../src/audit/verify/index.ts'
import { folderSource } from '../src/audit/verify/node.ts'
import { writeLargeLog } from './large-log.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 9

/** How long a question takes in a log of `size` entries once it is indexed, beside reading all of it, and what indexing costs. */
export async function benchFind(size: number): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-find-'))
  try {
    const key = writeLargeLog(folder, size, entryOf)
    const source = folderSource(folder)
    const under = await checkpointOf(source, key)
    const file = join(folder, 'index.db')
    const indexing = performance.now()
    const first = await openSearch({ source, under, file, tell: () => undefined })
    const indexSeconds = (performance.now() - indexing) / 1000
    first.close()
    const readSeconds = await readAll(source, under)
    const name = `find in ${size.toLocaleString('en')} entries`
    const questions: [string, Query['terms']][] = [
      ['one run', { run: [`run_${Math.floor(size / 40)}`] }],
      ['a host of a repository', { host: ['host-7.example'], repository: ['octo/app-7'] }],
    ]
    const results: BenchResult[] = [
      { name: `${name}: indexed once`, value: Math.round(size / indexSeconds), unit: 'entries/s' },
      { name: `${name}: index over reading all`, value: indexSeconds / readSeconds, unit: 'times' },
      { name: `${name}: index on disk`, value: (await stat(file)).size / size, unit: 'bytes an entry' },
    ]
    for (const [what, terms] of questions) {
      const times: number[] = []
      for (let round = 0; round < rounds; round++) times.push(await ask(source, under, file, { terms }))
      results.push({ name: `${name}: ${what}`, value: median(times), unit: 'ms' })
      results.push({
        name: `${name}: ${what}, over reading all`,
        value: median(times) / readSeconds / 1000,
        unit: 'times',
      })
    }
    return results
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function checkpointOf(source: LogSource, key: string): Promise<Checkpoint> {
  const verifier = parseVerifierKey(key)
  const note = textOf((await source.read('checkpoint')) ?? new Uint8Array(0))
  const verdict = verifier === undefined ? undefined : await verifyCheckpoint(note, verifier)
  if (verdict?.ok !== true) throw new Error('the log of the benchmark has no checkpoint')
  return verdict.checkpoint
}

async function readAll(source: LogSource, under: Checkpoint): Promise<number> {
  const startedMs = performance.now()
  let count = 0
  for await (const _ of readEntries(source, { under })) count++
  if (count !== under.size) throw new Error(`read ${count} of ${under.size} entries`)
  return (performance.now() - startedMs) / 1000
}

async function ask(source: LogSource, under: Checkpoint, file: string, query: Query): Promise<number> {
  const startedMs = performance.now()
  const search = await openSearch({ source, under, file, tell: () => undefined })
  let found = 0
  for await (const _ of search.find(query)) found++
  search.close()
  if (found === 0) throw new Error('the question of the benchmark has no answer')
  return performance.now() - startedMs
}

/** Runs of twenty entries, a thousand repositories, each run with a refused host. */
function entryOf(number: number): string {
  const run = Math.floor(number / 20)
  const repository = `octo/app-${run % 1000}`
  const base = {
    id: `entry-${number}`,
    source: 'mayfly://server',
    time: new Date(1_750_000_000_000 + number * 50).toISOString(),
    run: `run_${run}`,
    seq: number % 20,
  }
  const commit = run.toString(16).padStart(40, '0')
  const job = {
    issuer: 'github',
    repository,
    repository_id: String(run % 1000),
    ref: 'refs/heads/main',
    commit,
  }
  const step = { session: `ses_${run}`, step: `stp_${run}`, role: 'build', job }
  const subject = `stp_${run}`
  if (number % 20 === 0)
    return formatEntry({ ...base, type: 'run.started', subject: base.run, data: { pipeline: 'ci', ...job } })
  if (number % 20 === 19) {
    const data = {
      ...step,
      request: `req_${number}`,
      what: `host-${run % 5000}.example:443`,
      reason: 'no rule names it',
    }
    return formatEntry({ ...base, type: 'access.denied', subject, data })
  }
  const name = `package-${number % 3000}`
  const data = {
    ...step,
    host: 'registry.example',
    operations: [{ action: 'npm:install', connection: 'npm', path: name }],
    grants: ['npm:install npm'],
    npm: { package: name, version: '1.0.0', integrity: 'sha512-'.padEnd(95, 'x') },
  }
  return formatEntry({ ...base, type: 'access.granted', subject, data })
}
