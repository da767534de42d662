import { randomBytes } from 'node:crypto'
import type { Clock } from '../lib/index.ts'

/** Server-provided nonces of DPoP (RFC 9449, section 8): one for all who ask within a second. */
export interface ProofNonces {
  /** One to hand out now, in `DPoP-Nonce`. */
  issue(): string
  /** Is it one of ours, of this process, and young enough? */
  accepts(nonce: unknown): boolean
}

/** A proof cannot be made before its nonce was, nor used later than this. */
const lifetimeMs = 10 * 60_000
/** Whoever asks within this time gets the same one. */
const shareMs = 1_000

/**
 * Random nonces, kept in this process alone. So no proof outlives a restart: what was used before it is remembered
 * nowhere, but carries a nonce that nobody knows any more.
 */
export function createProofNonces({ clock }: { clock: Clock }): ProofNonces {
  /** When each was made, oldest first: one a second, ten minutes of them. */
  const made = new Map<string, number>()
  let newest = ''
  const ageOf = (nonce: string) => clock.nowMs() - (made.get(nonce) ?? Number.NaN)

  function make(): string {
    for (const oldest of made.keys()) {
      if (ageOf(oldest) <= lifetimeMs) break
      made.delete(oldest)
    }
    newest = randomBytes(16).toString('base64url')
    made.set(newest, clock.nowMs())
    return newest
  }

  return {
    issue: () => (isWithin(ageOf(newest), shareMs - 1) ? newest : make()),
    accepts: (nonce) => typeof nonce === 'string' && isWithin(ageOf(nonce), lifetimeMs),
  }
}

/** False for one that was never made (no age), and for one from ahead: the clock was set back. */
function isWithin(ageMs: number, mostMs: number): boolean {
  return ageMs >= 0 && ageMs <= mostMs
}
