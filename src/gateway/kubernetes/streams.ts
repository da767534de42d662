import { systemClock } from '../../lib/index.ts'
import { pickHeaders, type Exchange, type Upgrade } from '../exchange.ts'
import type { Operation } from '../../policy/index.ts'
import { passOn } from '../pass-http.ts'
import { carry, lookThroughBytes, passWebSocket, type Carried } from '../web-socket/index.ts'
import { maySpeakWebSocket } from './operation.ts'
import { createSaidNo, type SaidNo } from './said-no.ts'
import type { AnswerNo } from './status.ts'

interface AskedStream {
  readonly exchange: Exchange
  readonly operation: Operation
  readonly detail: Readonly<Record<string, unknown>>
  /** Path and query. */
  readonly target: string
  readonly answer: AnswerNo
  readonly refuse: AnswerNo
}

/**
 * exec, attach and port-forward, and a watch or a log by WebSocket: once it is permitted its bytes pass as they are, by WebSocket (of
 * which port-forward makes SPDY within) or by SPDY/3.1, which clients before 1.31 speak. It is cut with the step, and by a revocation.
 */
export function createStreams(): (asked: AskedStream) => Promise<void> {
  const saidNo = createSaidNo()
  return async (asked) => {
    const { exchange, operation, detail, target, answer, refuse } = asked
    const { asksUpgrade, request } = exchange
    if (asksUpgrade === undefined)
      return refuse(`${operation.action} needs a WebSocket, or SPDY/3.1`, { code: 400, reason: 'BadRequest' })
    const beganMs = systemClock.nowMs()
    const ended = (carried: Carried) => tellEnded(asked, carried, beganMs)
    if (!/websocket/i.test(request.headers.upgrade ?? ''))
      return maySpeakWebSocket(operation)
        ? refuse(`${operation.action} goes by HTTP, or by WebSocket`)
        : passSpdy(asked, asksUpgrade, { saidNo, ended })
    await passWebSocket(exchange, asksUpgrade, {
      ...{ operation, detail, target, ended },
      refuse(code, message) {
        if (code === 403) saidNo.remember(exchange.ofStep, operation, target, message)
        answer(message, { code, reason: reasons[code] ?? 'BadRequest' })
      },
    })
  }
}

const reasons: Readonly<Record<number, string>> = { 403: 'Forbidden', 502: 'InternalError' }

function tellEnded({ exchange, operation }: AskedStream, { sent, received }: Carried, beganMs: number): void {
  const { action, path, ref } = operation
  const name = `${action.slice('k8s:'.length)} ${path}${ref === undefined ? '' : `@${ref}`}`
  const seconds = Math.round((systemClock.nowMs() - beganMs) / 1_000)
  exchange.accepted({
    type: 'operations.done',
    item: { operation: name.slice(0, 500), facts: { seconds, sent, received } },
  })
}

const protocol = 'SPDY/3.1'

async function passSpdy(
  { exchange, operation, detail, target, answer, refuse }: AskedStream,
  { socket, head }: Upgrade,
  { saidNo, ended }: { readonly saidNo: SaidNo; readonly ended: (carried: Carried) => void },
): Promise<void> {
  const { request, response } = exchange
  const { method = '', headers } = request
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
    return refuse('a request for SPDY has no body', { code: 400, reason: 'BadRequest' })
  const known = saidNo.take(exchange.ofStep, operation, target)
  if (known !== undefined) return answer(known)
  const permit = await exchange.permitAll([operation], detail)
  if (!permit.allow) return answer(permit.message)
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
  const carried = await carry(socket, upgraded.socket, look)
  ended(carried)
  if (carried.why !== undefined) exchange.deny(what, carried.why)
}
