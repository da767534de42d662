import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import { firstByteLimit, idleLimit } from '../egress/index.ts'
import { authorityOf, withCredential, type UpstreamRequest } from './upstream-request.ts'
import { unreachable, type SocketOpener } from './upstream-socket.ts'

/**
 * Asks a host on a connection of its own to change the protocol (RFC 9110, section 7.8): its answer, with the socket if it does.
 * `keep` is given each socket, so that it ends with the step. Throws `upstream_unreachable` and `denied`.
 */
export async function askUpgrade(
  openSocket: SocketOpener,
  connection: Connection,
  asked: Omit<UpstreamRequest, 'body'>,
  keep: (socket: Duplex) => void,
): Promise<{ answer: IncomingMessage; socket?: Duplex }> {
  const socket = await openSocket(connection, asked.clientIdentity)
  keep(socket)
  const { method, path, headers, authorization, abandoned } = asked
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => socket,
      method,
      ...withCredential(connection, authorization, path, { ...headers, host: authorityOf(connection) }),
      setHost: false,
      maxHeaderSize: limits.answerHeadBytes,
    })
    const end = () => void outgoing.destroy(new MayflyError('revoked', 'the step, or its request, has ended'))
    if (abandoned.aborted) end()
    abandoned.addEventListener('abort', end, { once: true })
    const first = firstByteLimit(connection)
    outgoing.setTimeout(first.ms, () => outgoing.destroy(new Error(first.message)))
    outgoing.once('error', (cause) =>
      reject(cause instanceof MayflyError ? cause : unreachable(connection, cause)),
    )
    outgoing.once('response', (answer) => resolve({ answer }))
    outgoing.once('upgrade', (answer, upgraded: Duplex, head) => {
      abandoned.removeEventListener('abort', end)
      if (head.length > 0) upgraded.unshift(head)
      boundSilence(connection, socket)
      resolve({ answer, socket: upgraded })
    })
    outgoing.end()
  })
}

function boundSilence(
  connection: Connection,
  socket: Duplex & { setTimeout?: (ms: number, then: () => void) => void },
): void {
  const { ms, message } = idleLimit(connection)
  socket.setTimeout?.(ms, () => socket.destroy(unreachable(connection, new Error(message))))
}
