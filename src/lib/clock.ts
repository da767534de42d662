/** Where the time comes from. Tests hand in their own; nothing else reads `Date.now`. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
}

export const systemClock: Clock = { nowMs: () => Date.now() }

/** Whole seconds since the Unix epoch, as JWT `NumericDate` (RFC 7519, section 2). */
export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000)
}
