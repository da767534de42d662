import { nowSeconds, type Clock } from '../lib/index.ts'
import { refuse, type Refused } from './identity.ts'

/** How far an issuer's clock may be from ours, either way. */
export const maxClockSkewSeconds = 30
/** A token that lives longer is no token of one job. */
const maxLifetimeSeconds = 86_400

/**
 * What jose does not look at: that `iat`, `nbf` and `exp` are numbers that a clock can show, that `iat` is not of the
 * future, and that the token does not live longer than a day. Returns the refusal, or nothing.
 */
export function checkValidity(payload: Readonly<Record<string, unknown>>, clock: Clock): Refused | undefined {
  for (const name of ['iat', 'nbf', 'exp']) {
    const value = payload[name]
    if (value !== undefined && !isNumericDate(value))
      return refuse('token_malformed', `${name} is no NumericDate`)
  }
  const issued = Number(payload['iat'])
  if (issued > nowSeconds(clock) + maxClockSkewSeconds)
    return refuse(
      'token_not_yet_valid',
      'it was issued in the future (iat): look at the issuer’s clock and ours',
    )
  const lifetime = Number(payload['exp']) - issued
  if (!(lifetime > 0 && lifetime <= maxLifetimeSeconds))
    return refuse('token_expired', `a lifetime of ${lifetime} s is refused`)
  return undefined
}

/** RFC 7519, section 2; it may have a fraction. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
