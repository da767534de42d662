import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import { forward, passOn } from './route.ts'

/** A push on its way to the Git server. */
export interface UpstreamPush {
  /** Sends bytes, as fast as the server takes them. Once the server takes no more they go nowhere. */
  pass(bytes: Buffer): Promise<void>
  /**
   * Sends these bytes and whatever the step still sends, and hands the step the server's answer, of which `report` is shown what passes.
   * `before` are packets that go in front of it; `isBefore`: they did, since it is one of packets. Rejects with what `next` throws.
   */
  finish(
    bytes: Buffer,
    report: (chunk: Buffer) => void,
    before: Buffer | undefined,
  ): Promise<{ readonly status: number; readonly isBefore: boolean }>
  /** Breaks the request off. What the server has is not a whole pack, so it changes nothing. */
  cut(): void
  /** The server has said all that it will, or is gone. */
  isOver(): boolean
}

/** `next`: more of what the step sends. */
export function openUpstreamPush(
  exchange: Exchange,
  permit: Permit,
  next: () => Promise<Buffer | undefined>,
): UpstreamPush {
  const body = new PassThrough()
  // How it ends is said by the answer.
  body.on('error', () => undefined)
  // Something may be put in front of it.
  const answer = forward(exchange, permit, body, { 'accept-encoding': 'identity' })
  let isOver = false
  // A server may begin its answer before it has read all, and goes on reading: git's own does.
  const over = answer
    .then((response) => {
      response.on('error', () => undefined)
      return response.statusCode === 200 ? once(response, 'close') : undefined
    })
    .catch(() => undefined)
    .then(() => {
      isOver = true
    })

  async function pass(bytes: Buffer): Promise<void> {
    if (isOver || bytes.length === 0 || body.write(bytes)) return
    await Promise.race([once(body, 'drain'), over]).catch(() => undefined)
  }

  async function passRest(bytes: Buffer): Promise<void> {
    await pass(bytes)
    for (;;) {
      const chunk = isOver ? undefined : await next()
      if (chunk === undefined) break
      await pass(chunk)
    }
    if (isOver) return
    // A step that left in the middle has not sent a whole push, whatever it looks like.
    if (exchange.request.complete) body.end()
    else body.destroy(new MayflyError('revoked', 'the step has left in the middle of its push'))
  }

  return {
    pass,
    async finish(bytes, report, before) {
      const passing = passRest(bytes)
      // What breaks the push off is told in place of an answer.
      const failing = passing.then(() => new Promise<never>(() => undefined))
      const answered = await Promise.race([answer, failing])
      const isBefore = before !== undefined && isReport(answered)
      await passOn(exchange, answered, report, isBefore ? before : undefined)
      await passing
      body.destroy()
      return { status: answered.statusCode ?? 0, isBefore }
    },
    isOver: () => isOver,
    cut() {
      body.destroy(new MayflyError('denied', 'the push was refused'))
      answer.then((response) => response.destroy()).catch(() => undefined)
    },
  }
}

function isReport({ statusCode, headers }: IncomingMessage): boolean {
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = headers
  return statusCode === 200 && type === 'application/x-git-receive-pack-result' && encoding === 'identity'
}
