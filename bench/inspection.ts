import { randomBytes } from 'node:crypto'
import { createScanThreads } from '../src/inspection/index.ts'
import { systemClock } from '../src/lib/index.ts'
import { createKnownSecrets, findCandidates, fingerprintsOf, keysOf } from '../src/scan/known/index.ts'
import type { BenchResult } from './result.ts'

const sampleBytes = 33_554_432
const rounds = 9
const fileBytes = 10_240
const files = 1_024

/** The vault's secrets, looked for in what is scanned; and what a push of 10 MB waits for after its last byte. */
export async function benchInspection(): Promise<BenchResult[]> {
  const keys = keysOf(randomBytes(32))
  const text = sourceText(sampleBytes)
  let seen = 0
  const least = median(
    timed(() => {
      for (let at = 0; at < text.length; at++) seen ^= text[at] as number
    }),
  )
  const loop = mbPerSecond(sampleBytes, least)
  const results: BenchResult[] = [
    { name: `known secrets: a loop that reads each byte${seen > 255 ? ' ' : ''}`, value: loop, unit: 'MB/s' },
  ]
  for (const count of [1, 100, 1_000]) {
    const known = createKnownSecrets<string>(keys)
    for (let i = 0; i < count; i++)
      known.add(String(i), String(i), fingerprintsOf(`tok_${randomBytes(30).toString('base64url')}`, keys))
    const table = known.table()
    const value = mbPerSecond(
      sampleBytes,
      median(timed(() => findCandidates(table, text, () => undefined, 1_000_000))),
    )
    const target = count === 100 ? { target: '>= 300 MB/s', ok: value >= 300 } : {}
    results.push(
      { name: `known secrets: ${count} in every form`, value, unit: 'MB/s', ...target },
      {
        name: `known secrets: ${count}, beside the loop`,
        value: Math.round((value / loop) * 100) / 100,
        unit: 'x',
      },
    )
  }
  return [...results, await benchPush(text)]
}

/** Files of 10 KB, one after the other, as a pack brings them: how long the last ones take once all have come. */
async function benchPush(text: Buffer): Promise<BenchResult> {
  const scanner = createScanThreads({ clock: systemClock })
  const keepsRunning = setInterval(() => undefined, 1_000)
  const waits: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const waiting: Promise<unknown>[] = []
    for (let i = 0; i < files; i++) {
      waiting.push(scanner.scan(`file-${i}.ts`, text.subarray(i * fileBytes, (i + 1) * fileBytes), undefined))
      // What it takes to receive and inflate them: 10 MB in 250 ms.
      if (i % 16 === 0) await new Promise((next) => setTimeout(next, 4))
    }
    const started = performance.now()
    await Promise.all(waiting)
    // The first one starts the thread.
    if (round > 0) waits.push(performance.now() - started)
  }
  clearInterval(keepsRunning)
  await scanner.close()
  const value = Math.round(median(waits))
  return {
    name: 'a push of 10 MB, after its last byte',
    value,
    unit: 'ms',
    target: '<= 150 ms',
    ok: value <= 150,
  }
}

function sourceText(bytes: number): Buffer {
  const line = (i: number) =>
    `export const value${i % 977} = readConfig('module-${(i * 7919) % 1_000}', { retries: ${i % 7}, name: "${i.toString(36)}" })\n`
  const lines = Buffer.from(Array.from({ length: 20_000 }, (_, i) => line(i)).join(''))
  return Buffer.alloc(bytes, lines)
}

function timed(work: () => void): number[] {
  return Array.from({ length: rounds }, () => {
    const started = performance.now()
    work()
    return performance.now() - started
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function mbPerSecond(bytes: number, ms: number): number {
  return Math.round(bytes / 1_000 / ms)
}
