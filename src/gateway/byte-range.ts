import { Transform } from 'node:stream'

/** First and last byte, and how many there are in all. */
export interface ByteRange {
  readonly first: number
  readonly last: number
  readonly size: number
}

/**
 * The one range that a `Range` header asks for (RFC 9110, section 14); undefined for several, for other units, and for what is
 * no range of so many bytes: the whole is the answer then.
 */
export function byteRange(header: string | undefined, size: number): ByteRange | undefined {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (parts === null || size === 0) return undefined
  const [, from = '', to = ''] = parts
  if (from === '') {
    const length = Math.min(Number(to), size)
    return to === '' || length === 0 ? undefined : { first: size - length, last: size - 1, size }
  }
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  return Number(from) > last ? undefined : { first: Number(from), last, size }
}

/** Passes these bytes on, the last ones of them only at the end of all: behind a check, they go when it held. */
export function cutRange({ first, last }: ByteRange): Transform {
  let at = 0
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(Math.max(0, first - at), Math.max(0, last + 1 - at))
      at += chunk.length
      if (part.length === 0) return done()
      const ready = held
      held = part
      done(null, ready.length > 0 ? ready : undefined)
    },
    flush: (done) => done(null, held),
  })
}
