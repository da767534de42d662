import { newId, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'

/**
 * Entries of what strangers were refused. Anybody can have anything refused, so the log is not theirs to fill: each source
 * has a budget and all together have one; what is beyond is counted and written as one entry at intervals that grow.
 */
export interface Refusals {
  /** `source`: who asked, as far as it is known: an issuer and its repository, or an address. Resolves once it is written or counted. */
  record(source: string, refused: { type: RefusalType; data: Record<string, unknown> }): Promise<void>
  /** Writes what was counted and not written yet. */
  close(): Promise<void>
}

export type RefusalType = 'session.refused' | 'operator.refused' | 'vault.refused'

const ofSource = { burst: 30, perSecond: 1 / 30 }
const ofAll = { burst: 100, perSecond: 1 }
const maxSources = 1_000
/** Different refusals that an entry of counted ones names. */
const maxKinds = 50
const firstIntervalMs = 10_000
const lastIntervalMs = 600_000

interface Kind {
  readonly type: RefusalType
  readonly source: string
  readonly reason: string
  count: number
}

interface Counted {
  readonly firstMs: number
  lastMs: number
  count: number
  readonly kinds: Map<string, Kind>
}

export function createRefusals(deps: { audit: AuditClient; clock: Clock }): Refusals {
  const { audit, clock } = deps
  const all = createAllowance(ofAll, clock)
  const sources = new Map<string, () => boolean>()
  let intervalMs = firstIntervalMs
  let timer: NodeJS.Timeout | undefined
  let counted: Counted | undefined

  function mayWrite(source: string): boolean {
    const mine = sources.get(source) ?? createAllowance(ofSource, clock)
    // The one that was heard last stays longest.
    sources.delete(source)
    const [oldest] = sources.keys()
    if (sources.size >= maxSources && oldest !== undefined) sources.delete(oldest)
    sources.set(source, mine)
    return mine() && all()
  }

  function count(type: RefusalType, source: string, reason: string): void {
    const nowMs = clock.nowMs()
    counted ??= { firstMs: nowMs, lastMs: nowMs, count: 0, kinds: new Map() }
    counted.lastMs = nowMs
    counted.count++
    const key = `${type} ${source} ${reason}`
    const kind = counted.kinds.get(key)
    if (kind !== undefined) kind.count++
    else if (counted.kinds.size < maxKinds) counted.kinds.set(key, { type, source, reason, count: 1 })
    timer ??= setTimeout(() => void next(), intervalMs).unref()
  }

  async function next(): Promise<void> {
    timer = undefined
    intervalMs = Math.min(3 * intervalMs, lastIntervalMs)
    await write()
  }

  async function write(): Promise<void> {
    const now = counted
    counted = undefined
    if (now === undefined) return
    const data = {
      request: newId<string>('req'),
      reason: 'counted',
      count: now.count,
      first: new Date(now.firstMs).toISOString(),
      last: new Date(now.lastMs).toISOString(),
      refusals: [...now.kinds.values()],
    }
    await audit.append({ type: 'session.refused', data }).catch(() => undefined)
  }

  return {
    async record(from, { type, data }) {
      const source = from.slice(0, 200)
      if (mayWrite(source)) {
        // Quiet again: what comes next is told soon.
        if (counted === undefined && timer === undefined) intervalMs = firstIntervalMs
        await audit.append({ type, data }).catch(() => undefined)
      } else
        count(type, source, typeof data['reason'] === 'string' ? data['reason'].slice(0, 100) : 'refused')
    },
    async close() {
      clearTimeout(timer)
      await write()
    },
  }
}

/** A token bucket: so many a second, with a burst. */
function createAllowance(
  { burst, perSecond }: { burst: number; perSecond: number },
  clock: Clock,
): () => boolean {
  let left = burst
  let atMs = clock.nowMs()
  return () => {
    const now = clock.nowMs()
    left = Math.min(burst, left + ((now - atMs) / 1000) * perSecond)
    atMs = now
    if (left < 1) return false
    left -= 1
    return true
  }
}
