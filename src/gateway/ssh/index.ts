import type { Duplex } from 'node:stream'
import { messageOf } from '../../lib/index.ts'
import type { Permit } from '../exchange.ts'
import type { StreamExchange, StreamHandler } from '../stream-exchange.ts'
import { serveClient } from './client-side.ts'
import { connectUpstream, type Upstream } from './upstream-side.ts'

/**
 * SSH: the client is shown the run's own host key and let in whoever it says that it is; each command, file and forwarding is
 * judged before the host hears of it; the host is logged in to as that user, with the connection's credential, at the first thing
 * that is allowed.
 */
export function createSshHandler(): StreamHandler {
  return async (stream) => {
    const upstreams = new Map<string, Promise<Upstream>>()
    const to = (permit: Permit, user: string): Promise<Upstream> => {
      const known = upstreams.get(user) ?? open(stream, permit, user)
      upstreams.set(user, known)
      // The next one tries again.
      known.then(
        (upstream) => upstream.onEnd(() => upstreams.delete(user)),
        () => upstreams.delete(user),
      )
      return known
    }
    const ended = await serveClient(stream, to)
    ended()
    for (const upstream of upstreams.values()) upstream.then((one) => one.end()).catch(() => undefined)
  }
}

async function open(stream: StreamExchange, permit: Permit, user: string): Promise<Upstream> {
  const socket: Duplex = await stream.dial(permit)
  try {
    return await connectUpstream(stream.connection, permit, user, socket)
  } catch (error) {
    socket.destroy()
    throw new Error(messageOf(error), { cause: error })
  }
}
