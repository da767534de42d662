import type { Duplex } from 'node:stream'
import { limits } from '../../lib/index.ts'
import { createReplyFrames } from './reply-frames.ts'
import { createPending } from './pending.ts'

/**
 * Answers on their way to the client, in the order of their questions. A question that was refused was asked upstream in a form
 * that any server answers with an error, so that it has its place, in a transaction, too; its answer is put in the place of that one.
 */
export interface Replies {
  /** The next question that goes upstream: its answer passes, or this one instead of the error that it gets. */
  expect(instead?: Buffer): void
  /** The next is HELLO: its answer tells which protocol is spoken from there on. */
  expectHello(): void
  /**
   * The next is one of SUBSCRIBE and its like, which is answered as often as it names channels; one that gets an error follows it,
   * by which its end is known, and which the client is not shown.
   */
  expectSubscription(): void
  /** Resolves once there is room for more answers that stand in for others, or nobody waits for them. */
  room(): Promise<void>
  /** Resolves once all questions are answered, or none will be. */
  answered(): Promise<void>
}

/** Carries what upstream says. `broken`: it said what is no reply; `isCut`: in the middle of one, so that nothing can be said. */
export function passReplies(
  upstream: Duplex,
  client: Duplex,
  broken: (why: string, isCut: boolean) => void,
): Replies {
  const frames = createReplyFrames()
  const pending = createPending()
  /** Of the reply that has begun and not ended: whether the client gets it. */
  let begun: 'passes' | 'dropped' | undefined

  function carry(chunk: Buffer): void {
    let [from, at] = [0, 0]
    for (const frame of frames(chunk)) {
      begun ??= pending.isDropped(chunk[at]) ? 'dropped' : 'passes'
      if (begun === 'dropped') {
        client.write(chunk.subarray(from, at))
        from = frame.end
      }
      const instead = pending.answeredBy(frame)
      if (instead !== undefined) client.write(instead)
      at = frame.end
      begun = undefined
    }
    if (at < chunk.length) begun ??= pending.isDropped(chunk[at]) ? 'dropped' : 'passes'
    const end = begun === 'dropped' ? at : chunk.length
    if (from < end) client.write(chunk.subarray(from, end))
  }

  upstream.on('data', (chunk: Buffer) => {
    const wasCut = begun === 'passes'
    client.cork()
    try {
      carry(chunk)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      broken(`its server answers in another protocol than Redis (${error.message})`, wasCut)
    }
    client.uncork()
    if (!client.writableNeedDrain || client.destroyed) return
    upstream.pause()
    client.once('drain', () => upstream.resume())
  })
  upstream.once('close', () => pending.end())
  // Whoever logged in has stopped it.
  upstream.resume()
  return {
    expect: (instead) => pending.add(instead === undefined ? { is: 'passes' } : { is: 'instead', instead }),
    expectHello: () => pending.add({ is: 'hello' }),
    expectSubscription: () => pending.add({ is: 'subscription', isAnswered: false }),
    room: () => pending.until(() => pending.heldBytes() < limits.redisHeldAnswerBytes),
    answered: () => pending.until(() => pending.isEmpty()),
  }
}
