import { nowSeconds, type Clock } from '../lib/index.ts'

/** A token that is lost is of use for that long at most; its holder renews it until the role's limit. */
const accessTokenSeconds = 300

/** When an access token ends, in seconds since the epoch, if what it stands for may last until `limitMs`. */
export function tokenExpiry(limitMs: number, clock: Clock): number {
  return Math.min(Math.floor(limitMs / 1000), nowSeconds(clock) + accessTokenSeconds)
}
