import { createHmac, randomBytes } from 'node:crypto'
import { constantTimeEqual, type Clock } from '../lib/index.ts'

/** Server-provided nonces of DPoP (RFC 9449, section 8). Nothing is kept: a nonce is a time and our mark on it. */
export interface ProofNonces {
  /** One to hand out now, in `DPoP-Nonce`. */
  issue(): string
  /** Is it one of ours, of this process, and young enough? */
  accepts(nonce: unknown): boolean
}

/** A proof cannot be made before its nonce was, nor used later than this. */
const lifetimeMs = 10 * 60_000

/**
 * Nonces under a random key that lives as long as this process. So no proof outlives a restart: what was used before
 * it is remembered nowhere, but carries a nonce of another key.
 */
export function createProofNonces(deps: { clock: Clock }): ProofNonces {
  const key = randomBytes(32)
  const mark = (time: string) => createHmac('sha256', key).update(time).digest('base64url').slice(0, 22)
  return {
    issue() {
      const time = deps.clock.nowMs().toString(36)
      return `${time}.${mark(time)}`
    },
    accepts(nonce) {
      const parts = typeof nonce === 'string' ? /^([0-9a-z]{1,11})\.([\w-]{22})$/.exec(nonce) : null
      const [, time = '', marked = ''] = parts ?? []
      if (parts === null || !constantTimeEqual(marked, mark(time))) return false
      const ageMs = deps.clock.nowMs() - Number.parseInt(time, 36)
      return ageMs >= 0 && ageMs <= lifetimeMs
    },
  }
}
