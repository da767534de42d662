import type { Duplex } from 'node:stream'
import { createReplyFrames } from './reply-frames.ts'

/**
 * Answers on their way to the client, in the order of their questions. A question that was refused was asked upstream in a form
 * that any server answers with an error, so that it has its place, in a transaction, too; its answer is put in the place of that one.
 */
export interface Replies {
  /** The next question that goes upstream: its answer passes, or this one instead of it. */
  expect(instead?: Buffer): void
  /** From its answer on they come as they like (RESP2's subscriptions), and are not counted. */
  uncounted(): void
  /** Says something that answers nothing in particular, between two answers. */
  say(text: Buffer): void
  /** How many questions have no answer yet. */
  waiting(): number
}

const maxHeld = 1_048_576

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

/** Carries what upstream says. `broken`: it said what is no reply. */
export function passReplies(upstream: Duplex, client: Duplex, broken: (why: string) => void): Replies {
  const frames = createReplyFrames()
  const expected: ('passes' | 'uncounted' | Buffer)[] = []
  const between: Buffer[] = []
  let counts = true
  /** A frame has begun and not ended. */
  let within = false
  /** Its beginning, while it is not known whether it is what is to be replaced. */
  let held: Buffer[] = []

  const next = (): Buffer | undefined => {
    const [first] = expected
    if (first === 'uncounted') {
      counts = false
      expected.shift()
    }
    if (!counts) return undefined
    const answer = expected.shift()
    return answer === undefined || typeof answer === 'string' ? undefined : answer
  }

  upstream.on('data', (chunk: Buffer) => {
    let from = 0
    let isFull = false
    const write = (bytes: Buffer) => {
      if (bytes.length > 0 && !client.write(bytes)) isFull = true
    }
    try {
      for (const { end, is } of frames(chunk)) {
        const answer = is === 'push' ? undefined : next()
        if (answer === undefined) for (const part of [...held, chunk.subarray(from, end)]) write(part)
        else write(answer)
        held = []
        from = end
        within = false
        for (const text of between.splice(0)) write(text)
      }
    } catch {
      broken(
        'its server answers in another protocol than Redis: is it one, and is tls of the connection right?',
      )
      return
    }
    const rest = chunk.subarray(from)
    if (rest.length > 0) {
      within = true
      // Of an error that is replaced nothing is shown; what is pushed meanwhile is.
      if (counts && (held.length > 0 || Buffer.isBuffer(expected[0]))) held.push(rest)
      else write(rest)
      if (lengthOf(held) > maxHeld) broken('it pushes more than can be held')
    }
    if (isFull) {
      upstream.pause()
      client.once('drain', () => upstream.resume())
    }
  })

  // Whoever logged in has stopped it.
  upstream.resume()
  return {
    expect: (instead) => void expected.push(instead ?? 'passes'),
    uncounted: () => void expected.push('uncounted'),
    say(text) {
      if (within) between.push(text)
      else client.write(text)
    },
    waiting: () => expected.length,
  }
}
