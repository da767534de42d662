import { pickHeaders, type Exchange, type Upgrade } from '../exchange.ts'
import type { Operation } from '../../policy/index.ts'
import { passOn } from '../pass-http.ts'
import { carry, lookThroughBytes, passWebSocket } from '../web-socket/index.ts'
import { answerStatus, type StatusMore } from './status.ts'

interface AskedStream {
  readonly exchange: Exchange
  readonly operation: Operation
  readonly detail: Readonly<Record<string, unknown>>
  /** Path and query. */
  readonly target: string
  readonly refuse: (why: string, more?: StatusMore) => void
}

/**
 * exec, attach and port-forward: once it is permitted its bytes pass as they are, by WebSocket (of which port-forward makes SPDY
 * within) or by SPDY/3.1, which clients before 1.31 speak. It is cut with the step, and by a revocation.
 */
export async function passStream(asked: AskedStream): Promise<void> {
  const { exchange, operation, detail, target, refuse } = asked
  const { asksUpgrade, response, request } = exchange
  if (asksUpgrade === undefined) {
    refuse(`${operation.action} needs a WebSocket, or SPDY/3.1`, { code: 400, reason: 'BadRequest' })
    return
  }
  if (/websocket/i.test(request.headers.upgrade ?? ''))
    return passWebSocket(exchange, asksUpgrade, {
      ...{ operation, detail, target },
      refuse: (code, message) =>
        answerStatus(response, message, { code, reason: code === 403 ? 'Forbidden' : 'BadRequest' }),
    })
  await passSpdy(asked, asksUpgrade)
}

const protocol = 'SPDY/3.1'

async function passSpdy(
  { exchange, operation, detail, target, refuse }: AskedStream,
  { socket, head }: Upgrade,
): Promise<void> {
  const { request, response } = exchange
  const { method = '', headers } = request
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
    return refuse('a request for SPDY has no body', { code: 400, reason: 'BadRequest' })
  const permit = await exchange.permitAll([operation], detail)
  if (!permit.allow) return answerStatus(response, permit.message)
  const upgraded = await exchange.upgrade(permit, {
    method,
    path: target,
    headers: {
      ...pickHeaders(request, ['user-agent', 'x-stream-protocol-version']),
      connection: 'Upgrade',
      upgrade: protocol,
      ...(method === 'POST' ? { 'content-length': '0' } : {}),
    },
  })
  const what = `${operation.action} ${operation.connection}/${operation.path}`
  if (upgraded.socket === undefined) return passOn(exchange, upgraded.answer, what)
  const { upgrade, 'x-stream-protocol-version': version } = upgraded.answer.headers
  if (upgrade?.toLowerCase() !== protocol.toLowerCase()) {
    upgraded.socket.destroy()
    return refuse('the cluster’s answer is for another protocol', { code: 502, reason: 'InternalError' })
  }
  response.detachSocket(request.socket)
  const chosen = typeof version === 'string' ? `X-Stream-Protocol-Version: ${version}\r\n` : ''
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${chosen}\r\n`,
    'latin1',
  )
  if (head.length > 0) socket.unshift(head)
  const look = upgraded.reflection === undefined ? [] : [lookThroughBytes(upgraded.reflection)]
  const why = await carry(socket, upgraded.socket, look)
  if (why !== undefined) exchange.deny(what, why)
}
