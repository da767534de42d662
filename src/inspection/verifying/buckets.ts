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

const maxHosts = 1_000

/** Token buckets, one for each host and one for all. */
export function createBuckets(clock: Clock, { host, all }: { readonly host: Pace; readonly all: Pace }) {
  const hosts = new Map<string, Bucket>()
  const together: Bucket = { tokens: all.burst, atMs: clock.nowMs() }

  function fill(bucket: Bucket, { burst, perMinute }: Pace): void {
    const now = clock.nowMs()
    // A clock that was set back gives nothing.
    const minutes = Math.max(0, now - bucket.atMs) / 60_000
    bucket.tokens = Math.min(burst, bucket.tokens + minutes * perMinute)
    bucket.atMs = now
  }

  return {
    /** Takes one of each, or none: then it would be too much. */
    take(name: string): boolean {
      const bucket = hosts.get(name) ?? { tokens: host.burst, atMs: clock.nowMs() }
      hosts.delete(name)
      hosts.set(name, bucket)
      const [oldest] = hosts.keys()
      if (hosts.size > maxHosts && oldest !== undefined) hosts.delete(oldest)
      fill(bucket, host)
      fill(together, all)
      if (bucket.tokens < 1 || together.tokens < 1) return false
      bucket.tokens--
      together.tokens--
      return true
    },
  }
}
