import { joinSockets, messageOf } from '../../lib/index.ts'
import type { StreamExchange, StreamHandler } from '../stream-exchange.ts'

/**
 * Bytes of any protocol, to a host that a connection names and a role is granted. Adds no credential and reads nothing: the
 * entry says that there was a connection, and no more.
 */
export function createTcpHandler(): StreamHandler {
  return async (stream: StreamExchange) => {
    const { connection, socket } = stream
    const permit = await stream.permit({ action: 'tcp:connect', connection: connection.name, path: '' }, {})
    if (!permit.allow) return void socket.destroy()
    try {
      joinSockets(socket, await stream.dial(permit))
    } catch (error) {
      stream.deny(`tcp:connect ${connection.name}`, messageOf(error))
      socket.destroy()
    }
  }
}
