import type { Server, Socket } from 'node:net'

/** Connections that have not shown a token yet. */
const maxStrangers = 1_000

/** Who is connected and has not said yet which step they are. */
export interface Strangers {
  /** They have said it. */
  met(socket: Socket): void
  destroyAll(): void
}

/** Whoever says nothing does not keep those out who do: where there are too many, the one that has waited longest goes. */
export function createStrangers(server: Server): Strangers {
  // By address, since TLS has a socket of its own.
  const waiting = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const [oldest] = waiting.values()
    if (waiting.size >= maxStrangers) oldest?.destroy()
    const peer = peerOf(socket)
    waiting.set(peer, socket)
    socket.once('close', () => waiting.delete(peer))
  })
  return {
    met: (socket) => void waiting.delete(peerOf(socket)),
    destroyAll() {
      for (const socket of waiting.values()) socket.destroy()
    },
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
