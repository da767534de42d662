import type { Duplex } from 'node:stream'

/**
 * Carries bytes both ways until both sides have ended. One side's end is passed on as an end, and the other may go on speaking
 * (half-close, RFC 9293, section 3.6); all that one side said is written before its end is. A side that breaks off breaks the other off.
 */
export function joinSockets(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    // Node would end our side as soon as theirs has ended.
    from.allowHalfOpen = true
    from.on('error', () => to.destroy())
    from.on('close', () => {
      // What it said last may still be on its way out of `to`.
      if (!from.readableEnded || !from.writableFinished) to.destroy()
    })
    from.pipe(to)
    if (from.destroyed) to.destroy()
  }
}
