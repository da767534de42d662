import { Transform } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import type { Reflection } from '../reflection.ts'

/**
 * What is held for what might become the credential goes on after the first, as far as it cannot be its beginning; after the
 * second all of it, since somebody waits for the message: parts that come with a longer pause between them are not put together.
 */
const idleMs = 50
const heldMs = 500

/** Bytes of a frame: its head, or a part of what it carries. */
interface Piece {
  readonly bytes: Buffer
  readonly of: 'head' | 'data' | 'control'
}

/**
 * Passes the frames of a WebSocket server on as they are (RFC 6455, section 5.2), looked through for the credential across frames
 * and messages. Fails with `denied` where it begins, and for frames into which nobody can look: masked, or with an extension.
 */
export function lookThroughFrames(reflection: Reflection): Transform {
  const watched = reflection.watch()
  const readFrames = createFrameReader()
  const waiting: Piece[] = []
  /** Bytes of data in `waiting` that may pass. */
  let cleared = 0
  let timers: NodeJS.Timeout[] = []

  function release(to: Transform): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const size = next.of === 'data' ? next.bytes.length : 0
      if (size > cleared) {
        if (cleared > 0) to.push(next.bytes.subarray(0, cleared))
        waiting[0] = { ...next, bytes: next.bytes.subarray(cleared) }
        cleared = 0
        return
      }
      cleared -= size
      waiting.shift()
      to.push(next.bytes)
    }
  }

  function later(to: Transform): void {
    for (const timer of timers) clearTimeout(timer)
    timers = [
      setTimeout(() => afterwards(to, () => watched.idle()), idleMs),
      setTimeout(() => afterwards(to, () => watched.end()), heldMs),
    ]
  }

  function afterwards(to: Transform, more: () => number): void {
    if (to.destroyed) return
    try {
      cleared += more()
      release(to)
    } catch (error) {
      to.destroy(error as Error)
    }
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        for (const piece of readFrames(chunk)) {
          if (piece.of === 'control') reflection.head({ control: piece.bytes.toString('latin1') })
          waiting.push(piece)
          if (piece.of === 'data') cleared += watched.see(piece.bytes)
        }
      } catch (error) {
        return done(error as Error)
      }
      release(this)
      if (waiting.length > 0) later(this)
      done()
    },
    flush(done) {
      try {
        cleared += watched.end()
      } catch (error) {
        return done(error as Error)
      }
      release(this)
      done()
    },
    destroy(error, done) {
      for (const timer of timers) clearTimeout(timer)
      done(error)
    },
  })
}

const maxControlBytes = 125

/** Takes frames apart as they come; the payload of a control frame comes as a whole. */
function createFrameReader(): (chunk: Buffer) => Generator<Piece> {
  let head = Buffer.alloc(0)
  let control: Buffer | undefined
  let left = 0
  return function* read(chunk) {
    let rest = chunk
    while (rest.length > 0) {
      if (left > 0) {
        const bytes = rest.subarray(0, left)
        rest = rest.subarray(bytes.length)
        left -= bytes.length
        if (control === undefined) yield { bytes, of: 'data' }
        else if ((control = Buffer.concat([control, bytes])) && left === 0)
          yield { bytes: control, of: 'control' }
        continue
      }
      head = Buffer.concat([head, rest.subarray(0, 1)])
      rest = rest.subarray(1)
      const length = payloadLength(head)
      if (length === undefined) continue
      left = length
      control = ((head[0] ?? 0) & 0x08) === 0 ? undefined : Buffer.alloc(0)
      yield { bytes: head, of: 'head' }
      head = Buffer.alloc(0)
    }
  }
}

/** How long the payload is, once the head is whole. Throws `denied` for a frame that is not read. */
function payloadLength(head: Buffer): number | undefined {
  const [first = 0, second] = head
  if ((first & 0x70) !== 0) throw unread('uses an extension that was not agreed on')
  if (second === undefined) return undefined
  if ((second & 0x80) !== 0) throw unread('is masked, which a server’s never is')
  const short = second & 0x7f
  const isControl = (first & 0x08) !== 0
  if (isControl && (short > maxControlBytes || (first & 0x80) === 0))
    throw unread('is a control frame that is too long, or in parts')
  const whole = short === 126 ? 4 : short === 127 ? 10 : 2
  if (head.length < whole) return undefined
  if (whole === 2) return short
  const length = whole === 4 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2))
  if (!Number.isSafeInteger(length)) throw unread('is longer than any')
  return length
}

function unread(why: string): MayflyError {
  return new MayflyError(
    'denied',
    `a frame of the WebSocket ${why}: it was cut, since nobody can look for the credential in it`,
  )
}
