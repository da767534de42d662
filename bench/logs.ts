import { createHash } from 'node:crypto'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limits, type RunId } from '../src/lib/index.ts'
import { openLogs } from '../src/logs/logs.fixture.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const pieces = 64
const rounds = 7
const steps = 4

/**
 * What the server does with the logs of steps, without the network: four at once take pieces of 1 MiB each, are sealed, and read back;
 * beside the same bytes appended to plain files in the same folder. Files are in the folder of temporary files.
 */
export async function benchLogs(): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-logs-'))
  const ends: (() => Promise<void>)[] = []
  try {
    const it = await openLogs({ after: (end: () => Promise<void>) => void ends.push(end) }, { folder })
    Object.assign(it.limits, { maxTotalBytes: 1e12, maxStepBytes: 1e12 })
    const figures = { plain: [] as number[], put: [] as number[], seal: [] as number[], read: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      const ids = await Promise.all(Array.from({ length: steps }, () => it.addStep()))
      figures.put.push(await speed(() => all((i) => putAll(it, ids[i] ?? never()))))
      const files = ids.map((id) => join(folder, `plain-${id}`))
      figures.plain.push(await speed(() => all((i) => plainFile(files[i] ?? never()))))
      for (const file of files) await rm(file)
      for (const id of ids) await it.endStep(id)
      it.clock.aheadMs += 11_000
      figures.seal.push(await speed(() => it.logs.sweep()))
      figures.read.push(await speed(() => all((i) => readAll(it, ids[i] ?? never()))))
      it.clock.aheadMs += 200_000_000
      while (ids.some((id) => it.row(id)?.removed_ms === null)) await it.logs.sweep()
    }
    const plain = median(figures.plain)
    const result = (name: string, values: number[]): BenchResult => ({
      name: `logs: ${name}`,
      value: median(values),
      unit: 'MB/s',
      ratio: median(values) / plain,
      against: 'plain file write',
    })
    return [
      { name: 'logs: plain file write, 4 files at once', value: plain, unit: 'MB/s' },
      result('taken, 4 steps at once, with their digests', figures.put),
      result('sealed (zstd, digest, synced)', figures.seal),
      result('read back from the sealed files', figures.read),
    ]
  } finally {
    for (const end of ends) await end()
    await rm(folder, { recursive: true, force: true })
  }
}

type Logs = Awaited<ReturnType<typeof openLogs>>

async function putAll({ logs }: Logs, id: Parameters<Logs['endStep']>[0]): Promise<void> {
  for (let i = 0; i < pieces; i++) await logs.put({ id, run: 'run_1' as RunId }, i * sample.length, sample)
}

async function readAll({ logs }: Logs, id: Parameters<Logs['endStep']>[0]): Promise<void> {
  let bytes = 0
  for await (const chunk of (await logs.read(id, 0)) ?? []) bytes += (chunk as Buffer).length
  if (bytes !== pieces * sample.length) throw new Error(`${bytes} bytes were read back`)
}

async function plainFile(file: string): Promise<void> {
  for (let i = 0; i < pieces; i++) await appendFile(file, sample)
}

const all = (work: (which: number) => Promise<void>) =>
  Promise.all(Array.from({ length: steps }, (_, i) => work(i)))

/** Megabytes a second of all of them together. */
async function speed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (steps * pieces * sample.length) / 1000 / (performance.now() - startedMs)
}

function never(): never {
  throw new Error('there is no such step')
}

/** Lines as a build prints them: words that come again, and digests that do not. */
const sample = logSample()

function logSample(): Buffer {
  const lines: string[] = []
  for (let i = 0, size = 0; size < limits.logPieceBytes; i++) {
    const digest = createHash('sha256').update(String(i)).digest('hex')
    const line = `${i * 7} o 90\n2026-11-28T10:00:${String(i % 60).padStart(2, '0')} compiling src/module-${i % 211}.ts${i % 5 === 0 ? ` ${digest}` : ''} ok\n`
    lines.push(line)
    size += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, limits.logPieceBytes)
}
