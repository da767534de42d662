import { z } from 'zod'
import { nowSeconds, type Clock } from '../lib/index.ts'
import type { Role } from '../policy/index.ts'

/** A token that is lost is of use for that long at most; its holder renews it until the role's limit. */
const accessTokenSeconds = 300

/** When an access token ends, in seconds since the epoch, if what it stands for may last until `limitMs`. */
export function tokenExpiry(limitMs: number, clock: Clock): number {
  // Rounded up: what it stands for is asked of the broker as well, and ends to the millisecond.
  return Math.min(Math.ceil(limitMs / 1000), nowSeconds(clock) + accessTokenSeconds)
}

/** In a form everything is text. */
export const waitSeconds = z
  .string()
  .regex(/^[0-9]{1,5}$/)
  .transform(Number)
  .optional()
  .describe(
    'How long steps may take to begin: the time of a role counts from its step then. The role says how much.',
  )

/** How long a session with these roles lasts, if so much waiting is asked for. */
export function lifetimeOf(
  roles: readonly Role[],
  askedSeconds = 0,
): { ttlSeconds: number; waitSeconds: number } {
  const ttlSeconds = Math.max(...roles.map((role) => role.ttlSeconds))
  const waitSeconds = Math.min(askedSeconds, Math.max(...roles.map((role) => role.maxWaitSeconds)))
  return { ttlSeconds, waitSeconds }
}
