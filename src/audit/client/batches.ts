import { MayflyError } from '../../lib/index.ts'
import type { Receipt } from '../verify/index.ts'
import type { PreparedEntry } from './event.ts'

/** An append whose caller waits for its receipt. */
export interface Waiting extends PreparedEntry {
  giveUpAtMs: number
  resolve: (receipt: Receipt) => void
  reject: (error: MayflyError) => void
}

export interface Batches {
  /** Resolves or rejects as `send` settles it; rejects when too many wait, or when its time is over. */
  add(entry: PreparedEntry): Promise<Receipt>
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>
}

export interface BatchesDeps {
  /** Settles every entry of the batch, or gives back why it has to be sent again. Never rejects. */
  send: (batch: readonly Waiting[]) => Promise<string | undefined>
  giveUpMs: number
  maxWaiting: number
}

const batchEntries = 1_000
const batchBytes = 4_194_304

/**
 * Batches under way at a time; the next collects meanwhile. With one, all who wait for it come back at once and go on in
 * step, and while they are at one station of their way the others have nothing to do.
 */
const mostUnderWay = 2

export function createBatches({ send, giveUpMs, maxWaiting }: BatchesDeps): Batches {
  let queue: Waiting[] = []
  let unanswered = 0
  let underWay = 0
  const lanes = new Set<Promise<void>>()

  async function run(): Promise<void> {
    // What is asked for in the same turn goes together.
    await Promise.resolve()
    for (let failures = 0; queue.length > 0;) {
      const batch = takeBatch(queue)
      const fault = await send(batch)
      if (fault === undefined) {
        failures = 0
        continue
      }
      queue = [...keepTrying(batch, fault), ...keepTrying(queue, fault)]
      if (queue.length > 0) await wait(Math.min(25 * 2 ** failures++, 400))
    }
    // In the same breath as the last look at the queue: what comes later finds a lane, or starts one.
    underWay--
  }

  function start(): void {
    if (underWay === mostUnderWay) return
    underWay++
    const lane = run().finally(() => lanes.delete(lane))
    lanes.add(lane)
  }

  return {
    async add(entry) {
      if (unanswered >= maxWaiting) {
        throw new MayflyError(
          'audit_unavailable',
          `${unanswered} entries wait for the audit log, no more are taken`,
        )
      }
      unanswered++
      const receipt = new Promise<Receipt>((resolve, reject) => {
        queue.push({ ...entry, giveUpAtMs: performance.now() + giveUpMs, resolve, reject })
      })
      start()
      return await receipt.finally(() => unanswered--)
    },
    async drain() {
      while (lanes.size > 0) await Promise.all(lanes)
    },
  }
}

function takeBatch(queue: Waiting[]): Waiting[] {
  let bytes = 0
  let count = 0
  for (const one of queue) {
    bytes += one.jsonBytes
    if (count === batchEntries || (count > 0 && bytes > batchBytes)) break
    count++
  }
  return queue.splice(0, count)
}

/** Those that still have time; the others are told what the last attempt came to. */
function keepTrying(waiting: readonly Waiting[], fault: string): Waiting[] {
  const nowMs = performance.now()
  const late = waiting.filter((one) => one.giveUpAtMs <= nowMs)
  rejectAll(late, 'audit_unavailable', `the audit log gives no receipts: ${fault}`)
  return waiting.filter((one) => one.giveUpAtMs > nowMs)
}

/** Settles them all; `undefined`, since nothing has to be sent again. */
export function rejectAll(batch: readonly Waiting[], code: MayflyError['code'], message: string): undefined {
  for (const one of batch) one.reject(new MayflyError(code, message))
}

async function wait(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}
