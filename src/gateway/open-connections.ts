import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { newOrderedId, type Clock, type StepId } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'

/** A connection of a step that is open now. */
export interface OpenConnection {
  readonly id: string
  readonly step: Step
  /** The connection's name; undefined for a host of an egress list. */
  readonly connection: string | undefined
  readonly host: string
  readonly port: number
  readonly sinceMs: number
  /** From the step, and to it: what has passed so far. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Of HTTP; 0 where only bytes pass. */
  readonly requests: number
}

/** What this gateway has open. Others have their own. */
export interface OpenConnections {
  /** Known from now on, until it closes. */
  opened(socket: Socket, step: Step, place: { connection?: string; host: string; port: number }): void
  /** One more request on it, for this connection: several may lie on one host. */
  request(socket: Duplex, connection: string): void
  list(): OpenConnection[]
  /** Closes it; what it was, or undefined if there is none. */
  kill(id: string): OpenConnection | undefined
  /** Closes all on which the step has used this connection. */
  cut(step: StepId, connection: string): void
}

interface Known extends Pick<OpenConnection, 'id' | 'step' | 'connection' | 'host' | 'port' | 'sinceMs'> {
  readonly socket: Socket
  /** What has been asked for on it. */
  readonly used: Set<string>
  requests: number
}

export function createOpenConnections(clock: Clock): OpenConnections {
  const open = new Map<Duplex, Known>()
  const describe = ({ socket, used: _, ...known }: Known): OpenConnection => ({
    ...known,
    bytesUp: socket.bytesRead,
    bytesDown: socket.bytesWritten,
  })
  return {
    opened(socket, step, { connection, host, port }) {
      if (socket.destroyed) return
      const sinceMs = clock.nowMs()
      const id = newOrderedId<string>('con', sinceMs)
      open.set(socket, { id, step, connection, host, port, sinceMs, socket, used: new Set(), requests: 0 })
      socket.once('close', () => open.delete(socket))
    },
    request(socket, connection) {
      const known = open.get(socket)
      if (known === undefined) return
      known.requests++
      known.used.add(connection)
    },
    list: () => [...open.values()].map(describe),
    kill(id) {
      const known = [...open.values()].find((one) => one.id === id)
      if (known === undefined) return undefined
      const was = describe(known)
      known.socket.destroy()
      return was
    },
    cut(step, connection) {
      for (const one of open.values())
        if (one.step.id === step && (one.connection === connection || one.used.has(connection)))
          one.socket.destroy()
    },
  }
}
