import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuditClient, type AuditClient } from '../src/audit/client/index.ts'
import { childToken, type LogProcess, spawnLog } from '../src/audit/log/spawn.fixture.ts'
import { parseCheckpoint } from '../src/audit/verify/index.ts'
import { verifyFolder } from '../src/audit/verify/node.ts'
import { Secret, systemClock } from '../src/lib/index.ts'
import type { BenchResult } from './result.ts'

const appends = 100_000
/** Appends under way at once: what a busy server has waiting. */
const concurrency = 256
/** What the CloudEvents envelope leaves of 1 KB. */
const note = 'x'.repeat(720)

/** The audit log's figures: the real client, a log process of its own, the disk under the temporary folder. */
export async function benchAudit(): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-audit-'))
  try {
    const log = await spawnLog(folder)
    if (typeof log === 'string') throw new Error(log)
    const client = createAuditClient({
      url: log.url,
      appendToken: new Secret(childToken),
      verifierKey: log.verifierKey,
      source: '/bench',
      clock: systemClock,
    })
    const results = [...(await benchAppends(client, log)), await benchVerify(folder, log, client)]
    return results
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function benchAppends(client: AuditClient, log: LogProcess): Promise<BenchResult[]> {
  await appendMany(client, 5_000, concurrency)
  const watch = watchPublication(log)
  const startMs = performance.now()
  const receipts = await appendMany(client, appends, concurrency, watch.receipt)
  const perSecond = appends / ((performance.now() - startMs) / 1_000)
  const publication = await watch.done()
  const single = await appendMany(client, 500, 1)
  return [
    atLeast('audit: durable appends of 1 KB', perSecond, 10_000, 'entries/s'),
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

async function benchVerify(folder: string, log: LogProcess, client: AuditClient): Promise<BenchResult> {
  await client.close()
  await log.end('SIGTERM')
  const startMs = performance.now()
  const verdict = await verifyFolder(folder, log.verifierKey)
  if (!verdict.ok) throw new Error(`the log of the benchmark is broken: ${verdict.problem.message}`)
  const perSecond = verdict.size / ((performance.now() - startMs) / 1_000)
  return { name: 'audit: offline verification', value: Math.round(perSecond), unit: 'entries/s' }
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
