import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { answerOf, limits, messageOf, passableHead } from '../lib/index.ts'

/** Headers between the step and us. */
const ofHop: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
])

/**
 * A proxy request for an http:// URL, sent in origin form through a tunnel of its own, which is closed behind it. Whatever
 * the host answers, the step gets an answer, or a connection that is cut where the head was sent already.
 */
export function forwardPlain(
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
  tunnel: Socket,
): void {
  const fail = (why: string) => answerPlain(response, 502, `mayfly: ${target.host}: ${why}`)
  const outgoing = httpRequest({
    createConnection: () => tunnel,
    method: request.method,
    path: `${target.pathname}${target.search}`,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !ofHop.has(name))),
    setHost: false,
    maxHeaderSize: limits.answerHeadBytes,
  })
  const end = () => {
    outgoing.destroy()
    tunnel.destroy()
  }
  answerOf(outgoing).then(
    (answer) => {
      // The end of its connection in the middle is no error to somebody who only pipes.
      answer.on('close', () => {
        if (!answer.complete) response.destroy()
      })
      const head = passableHead(answer)
      if (typeof head === 'string') {
        fail(head)
        return end()
      }
      response.statusCode = head.status
      // apt shows nothing else of a refusal.
      if (isReason(answer.statusMessage)) response.statusMessage = answer.statusMessage
      for (const [name, value] of Object.entries(head.headers)) response.setHeader(name, value)
      answer.pipe(response)
    },
    (error: unknown) => fail(messageOf(error)),
  )
  request.on('error', end)
  response.on('error', end)
  response.once('close', end)
  if (response.destroyed) return end()
  request.pipe(outgoing)
}

/** What Node writes without a complaint (RFC 9112, section 4). */
function isReason(text: string | undefined): text is string {
  return text !== undefined && /^[\x20-\x7e]{1,300}$/.test(text)
}

/** Our own answer, or the end of the connection where another head was sent already. */
export function answerPlain(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const body = `${text}\n`
  const reason = text.replaceAll(/[’‘]/g, "'").slice(0, 300)
  if (isReason(reason)) response.statusMessage = reason
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  response.end(body)
}
