import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuditClient, type AuditClient } from '../src/audit/client/index.ts'
import { childToken, type LogProcess, spawnLog } from '../src/audit/log/spawn.fixture.ts'
import { parseCheckpoint } from '../src/audit/verify/index.ts'
import { spawnWitness } from '../src/audit/witness/spawn.fixture.ts'
import { Secret, systemClock } from '../src/lib/index.ts'
import { benchVerify } from './audit-verify.ts'
import type { BenchResult } from './result.ts'

const appends = 100_000
/** Appends under way at once: what a busy server has waiting. */
const concurrency = 256
/** What the CloudEvents envelope leaves of 1 KB. */
const note = 'x'.repeat(720)

/** What others publish of theirs, on machines of their own: for the size of the thing, not for a ratio. */
const elsewhere = 'measured elsewhere: Tessera POSIX 10.5k/s (NVMe), 2.9k/s (HDD); Sunlight 3,750/s'

/** The audit log's figures: the real client, a log process of its own, the disk under the temporary folder. */
export async function benchAudit(): Promise<BenchResult[]> {
  return [
    ...(await inFolder(benchAppends)),
    ...(await inFolder(benchWitnessed)),
    ...(await benchVerify(1_000_000)),
  ]
}

async function inFolder(bench: (folder: string) => Promise<BenchResult[]>): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-audit-'))
  try {
    return await bench(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function openLog(
  folder: string,
  witnessPolicy?: string,
): Promise<{ log: LogProcess; client: AuditClient }> {
  const log = await spawnLog(folder, 1_000, witnessPolicy)
  if (typeof log === 'string') throw new Error(log)
  const client = createAuditClient({
    url: log.url,
    appendToken: new Secret(childToken),
    verifierKey: log.verifierKey,
    source: '/bench',
    clock: systemClock,
  })
  return { log, client }
}

async function benchAppends(folder: string): Promise<BenchResult[]> {
  const { log, client } = await openLog(folder)
  await appendMany(client, 5_000, concurrency)
  const watch = watchPublication(log)
  const startMs = performance.now()
  const receipts = await appendMany(client, appends, concurrency, watch.receipt)
  const perSecond = appends / ((performance.now() - startMs) / 1_000)
  const publication = await watch.done()
  const single = await appendMany(client, 500, 1)
  await client.close()
  await log.end('SIGTERM')
  return [
    { ...atLeast('audit: durable appends of 1 KB', perSecond, 10_000, 'entries/s'), against: elsewhere },
    { name: 'audit: receipt p50, full load', value: quantile(receipts, 0.5), unit: 'ms' },
    atMost('audit: receipt p99, full load', quantile(receipts, 0.99), 100, 'ms'),
    { name: 'audit: receipt p50, one at a time', value: quantile(single, 0.5), unit: 'ms' },
    { name: 'audit: receipt p99, one at a time', value: quantile(single, 0.99), unit: 'ms' },
    atMost('audit: receipt to published p99', quantile(publication, 0.99), 1_500, 'ms'),
  ]
}

/** Milliseconds that each append took. */
async function appendMany(
  client: AuditClient,
  count: number,
  atOnce: number,
  onReceipt?: (index: number) => void,
): Promise<number[]> {
  const times: number[] = []
  let started = 0
  const worker = async () => {
    while (started < count) {
      const number = started++
      const startMs = performance.now()
      const { index } = await client.append({ type: 'bench.appended', run: 'bench', data: { number, note } })
      times.push(performance.now() - startMs)
      onReceipt?.(index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return times
}

/** From the receipt of every hundredth entry to the first checkpoint that covers it, asked for every 20 ms. */
function watchPublication(log: LogProcess) {
  const waiting = new Map<number, number>()
  const times: number[] = []
  let ending = false
  const polling = (async () => {
    while (!ending || waiting.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      const size =
        parseCheckpoint((await (await fetch(`${log.url}/checkpoint`)).text()).split('\n\n')[0] + '\n')
          ?.size ?? 0
      for (const [index, receiptMs] of waiting) {
        if (index >= size) continue
        times.push(performance.now() - receiptMs)
        waiting.delete(index)
      }
    }
  })()
  return {
    receipt: (index: number) => void (index % 100 === 0 && waiting.set(index, performance.now())),
    done: async () => {
      ending = true
      await polling
      return times
    },
  }
}

/** How long publication takes when two witnesses, each a process that fsyncs, cosign every checkpoint. */
async function benchWitnessed(folder: string): Promise<BenchResult[]> {
  const first = await openLog(join(folder, 'log'))
  await first.client.close()
  await first.log.end('SIGTERM')
  const { verifierKey } = first.log
  const witnesses = [
    await spawnWitness(join(folder, 'w0'), 'w0.example', verifierKey),
    await spawnWitness(join(folder, 'w1'), 'w1.example', verifierKey),
  ]
  const lines = witnesses.map((one, i) => `witness w${i} ${one.verifierKey} ${one.url}\n`)
  const policy = `log ${verifierKey}\n${lines.join('')}group both all w0 w1\nquorum both\n`
  const { log, client } = await openLog(join(folder, 'log'), policy)
  const watch = watchPublication(log)
  await appendMany(client, appends / 2, concurrency, watch.receipt)
  const publication = await watch.done()
  const checkpoint = await (await fetch(`${log.url}/checkpoint`)).text()
  if (!checkpoint.includes('\u2014 w0.example ') || !checkpoint.includes('\u2014 w1.example '))
    throw new Error('the witnesses of the benchmark do not cosign')
  await client.close()
  for (const one of [log, ...witnesses]) await one.end('SIGTERM')
  const p99 = quantile(publication, 0.99)
  return [atMost('audit: receipt to published p99, two witnesses', p99, 1_500, 'ms')]
}

function atLeast(name: string, value: number, target: number, unit: string): BenchResult {
  return { name, value: Math.round(value), unit, target: `at least ${target}`, ok: value >= target }
}

function atMost(name: string, value: number, target: number, unit: string): BenchResult {
  return { name, value, unit, target: `at most ${target}`, ok: value <= target }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return Math.round(value * 100) / 100
}
