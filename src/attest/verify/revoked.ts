import { sha256Hex } from './key.ts'
import type { Certificate } from './certificate.ts'
import type { Window } from './fields.ts'
import type { Revocation, Trust } from './model.ts'
import { Refusal } from './refusal.ts'
import { standsBehind, type Place } from './revocation.ts'

interface Deed {
  readonly timeMs: number
  /** In the log, once that is shown. */
  readonly place?: Place
}

/**
 * Why nothing counts that one of these keys did then, if one was taken back: a stolen key counts no more from a moment on, by the
 * timestamp, and, as its thief may date back, by the place in the log.
 */
export function revokedBy(
  keys: readonly string[],
  { timeMs, place }: Deed,
  { revoked, logs }: Trust,
): Refusal | undefined {
  const found = revoked.find(
    (one) =>
      keys.includes(one.key) &&
      (timeMs >= one.fromMs || (place !== undefined && standsBehind(one, place, logs))),
  )
  if (found === undefined) return undefined
  const { key, fromMs, reason } = found
  const how =
    timeMs >= fromMs
      ? `before it was signed (${iso(timeMs)})`
      : `and it stands at entry ${place?.index} of ${place?.log.name}, where nothing by that key counts ${where(found, place)}`
  return new Refusal(
    'revoked',
    `a key that vouches for it (${key.slice(0, 16)}) was revoked from ${iso(fromMs)} on, ${how}: ${reason}`,
  )
}

function where({ log, treeSize }: Revocation, place: Place | undefined): string {
  const isOther = log !== undefined && place?.log.keyId.equals(log) !== true
  return isOther ? 'since another log was in use when it was taken back' : `from entry ${treeSize} on`
}

/** The same of what was done when a key was not trusted, which says so where nobody took it back. */
export function outside(
  reason: 'outside_authority' | 'outside_key' | 'outside_log',
  what: string,
  { keys, timeMs, validFor }: Deed & { readonly keys: readonly string[]; readonly validFor: Window },
  trust: Trust,
): Refusal {
  const { startMs, endMs } = validFor
  const trusted = timeMs < startMs ? `from ${iso(startMs)} on` : `until ${iso(endMs)}`
  return (
    revokedBy(keys, { timeMs }, trust) ??
    new Refusal(
      reason,
      `it was signed at ${iso(timeMs)}, and ${what} is trusted ${trusted} alone: was it replaced, or taken back?`,
    )
  )
}

export function keyIdsOf(chain: readonly Certificate[]): string[] {
  return chain.map(({ spki }) => sha256Hex(spki))
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
