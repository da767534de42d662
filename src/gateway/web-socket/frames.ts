import { Transform } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import type { Reflection, Watch } from '../reflection.ts'

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

/** What is put together when the credential is looked for: it may come in parts of one sort, or across both. */
const readings: readonly (readonly Piece['of'][])[] = [['data'], ['control'], ['data', 'control']]

/**
 * Passes the frames of a WebSocket server on as they are (RFC 6455, section 5.2), looked through for the credential across frames
 * and messages, what pings and other control frames carry among them. Fails with `denied` where it begins, and for frames into which
 * nobody can look: masked, or with an extension.
 */
export function lookThroughFrames(reflection: Reflection): Transform {
  const watches = readings.map((of) => ({ of, watched: reflection.watch(), cleared: 0 }))
  const readFrames = createFrameReader()
  const waiting: Piece[] = []
  let timers: NodeJS.Timeout[] = []

  /** Each of the readings has to have cleared a byte before it passes; a control frame passes as a whole. */
  function release(to: Transform): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const { bytes, of } = next
      const reading = watches.filter((one) => one.of.includes(of))
      const free = Math.min(bytes.length, ...reading.map(({ cleared }) => cleared))
      const passing = of === 'control' && free < bytes.length ? 0 : free
      for (const one of reading) one.cleared -= passing
      if (passing > 0) to.push(bytes.subarray(0, passing))
      if (passing < bytes.length) {
        waiting[0] = { of, bytes: bytes.subarray(passing) }
        return
      }
      waiting.shift()
    }
  }

  function later(to: Transform): void {
    for (const timer of timers) clearTimeout(timer)
    timers = [
      setTimeout(() => afterwards(to, (watched) => watched.idle()), idleMs),
      setTimeout(() => afterwards(to, (watched) => watched.end()), heldMs),
    ]
  }

  function clearMore(more: (watched: Watch) => number): void {
    for (const one of watches) one.cleared += more(one.watched)
  }

  function afterwards(to: Transform, more: (watched: Watch) => number): void {
    if (to.destroyed) return
    try {
      clearMore(more)
      release(to)
    } catch (error) {
      to.destroy(error as Error)
    }
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        for (const piece of readFrames(chunk)) {
          waiting.push(piece)
          for (const one of watches)
            if (one.of.includes(piece.of)) one.cleared += one.watched.see(piece.bytes)
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
        clearMore((watched) => watched.end())
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
