import type { Duplex } from 'node:stream'
import { joinSockets, messageOf } from '../../lib/index.ts'
import type { Permit } from '../exchange.ts'
import type { StreamExchange, StreamHandler } from '../stream-exchange.ts'
import { countBytes } from './count-bytes.ts'

/**
 * Bytes of any protocol, to a host that a connection names and a role is granted. Adds no credential and reads nothing. With
 * `tls: verify` the client's TLS ends here, by the run's authority, and the gateway speaks its own to the host: with the client
 * certificate of the connection, which the step never has.
 */
export function createTcpHandler(): StreamHandler {
  return async (stream: StreamExchange) => {
    const { connection, socket } = stream
    const name = `tcp:connect ${connection.name}`
    const permit = await stream.permit({ action: 'tcp:connect', connection: connection.name, path: '' }, {})
    if (!permit.allow) return void socket.destroy()
    try {
      const { client, host } = await openBoth(stream, permit)
      const counted = countBytes(client, host, connection.maxBytes, (why) => {
        stream.deny(name, why)
        for (const one of [client, host, socket]) one.destroy()
      })
      if (connection.settings?.tls === 'verify')
        host.once('close', () => stream.done({ operation: name, facts: counted() }))
      joinSockets(client, host)
    } catch (error) {
      stream.deny(name, messageOf(error))
      socket.destroy()
    }
  }
}

/** The host first: a client is told by a connection that is cut that there is none, before it has said anything. */
async function openBoth(stream: StreamExchange, permit: Permit): Promise<{ client: Duplex; host: Duplex }> {
  const plain = await stream.dial(permit)
  if (stream.connection.settings?.tls !== 'verify') return { client: stream.socket, host: plain }
  const host = await stream.secureUpstream(permit, plain)
  return { client: await stream.secure(stream.socket), host }
}
