import type { Clock } from '../../lib/index.ts'

/** How often this server asks: so many at once, and so many a minute. */
export interface Pace {
  readonly burst: number
  readonly perMinute: number
}

interface Bucket {
  tokens: number
  atMs: number
}

interface Shared {
  readonly pace: Pace
  readonly bucket: Bucket
  readonly askers: Map<string, Bucket>
}

const maxHosts = 1_000
const maxAskers = 1_000
/** Who has not asked for so long has no share any more. */
const activeMs = 120_000

/**
 * Token buckets, one for each host and one for all. Each of those who ask has a share in both: where there are n, one part in n + 1, so
 * that something is left for the next one who comes.
 */
export function createBuckets(clock: Clock, { host, all }: { readonly host: Pace; readonly all: Pace }) {
  const hosts = new Map<string, Shared>()
  const together = shared(all)

  function shared(pace: Pace): Shared {
    return { pace, bucket: { tokens: pace.burst, atMs: clock.nowMs() }, askers: new Map() }
  }

  function fill(bucket: Bucket, { burst, perMinute }: Pace): Bucket {
    const now = clock.nowMs()
    // A clock that was set back gives nothing.
    const minutes = Math.max(0, now - bucket.atMs) / 60_000
    bucket.tokens = Math.min(burst, bucket.tokens + minutes * perMinute)
    bucket.atMs = now
    return bucket
  }

  function shareOf({ pace, askers }: Shared, who: string): Bucket {
    const now = clock.nowMs()
    const own = askers.get(who) ?? { tokens: Number.POSITIVE_INFINITY, atMs: now }
    askers.delete(who)
    for (const [other, { atMs }] of askers)
      if (Math.abs(now - atMs) > activeMs || askers.size >= maxAskers) askers.delete(other)
    askers.set(who, own)
    const parts = askers.size + 1
    return fill(own, { burst: Math.max(1, pace.burst / parts), perMinute: pace.perMinute / parts })
  }

  return {
    /** Takes one of each, or none: then it would be too much. */
    take(name: string, who: string): boolean {
      const ofHost = hosts.get(name) ?? shared(host)
      hosts.delete(name)
      hosts.set(name, ofHost)
      const [oldest] = hosts.keys()
      if (hosts.size > maxHosts && oldest !== undefined) hosts.delete(oldest)
      const buckets = [ofHost, together].flatMap((one) => [fill(one.bucket, one.pace), shareOf(one, who)])
      if (buckets.some(({ tokens }) => tokens < 1)) return false
      for (const bucket of buckets) bucket.tokens--
      return true
    },
  }
}
