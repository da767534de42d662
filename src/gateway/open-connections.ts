import type { Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
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
  request(socket: Duplex, connection: string, answer: Writable): void
  /** What it asked is being judged: whatever is cut from now on, the step is to get this answer. */
  spare(answer: Writable): void
  list(): OpenConnection[]
  /** Closes it; what it was, or undefined if there is none. */
  kill(id: string): OpenConnection | undefined
  /** Closes all on which the step has used this connection; where an answer is spared, whatever else is under way there for it. */
  cut(step: StepId, connection: string): void
}

interface Known extends Pick<OpenConnection, 'id' | 'step' | 'connection' | 'host' | 'port' | 'sinceMs'> {
  readonly socket: Socket
  /** What has been asked for on it. */
  readonly used: Set<string>
  /** Answers that are not at their end, and for which connection. */
  readonly underWay: Map<Writable, string>
  requests: number
}

export function createOpenConnections(clock: Clock): OpenConnections {
  const open = new Map<Duplex, Known>()
  const spared = new WeakSet<Writable>()
  const describe = ({ socket, used: _, underWay: _underWay, ...known }: Known): OpenConnection => ({
    ...known,
    bytesUp: socket.bytesRead,
    bytesDown: socket.bytesWritten,
  })
  return {
    opened(socket, step, { connection, host, port }) {
      if (socket.destroyed) return
      const sinceMs = clock.nowMs()
      const id = newOrderedId<string>('con', sinceMs)
      const nothing = { used: new Set<string>(), underWay: new Map<Writable, string>(), requests: 0 }
      open.set(socket, { id, step, connection, host, port, sinceMs, socket, ...nothing })
      socket.once('close', () => open.delete(socket))
    },
    request(socket, connection, answer) {
      const known = open.get(socket)
      if (known === undefined) return
      known.requests++
      known.used.add(connection)
      if (answer.closed) return
      known.underWay.set(answer, connection)
      answer.once('close', () => known.underWay.delete(answer))
    },
    spare: (answer) => void spared.add(answer),
    list: () => [...open.values()].map(describe),
    kill(id) {
      const known = [...open.values()].find((one) => one.id === id)
      if (known === undefined) return undefined
      const was = describe(known)
      known.socket.destroy()
      return was
    },
    cut(step, connection) {
      for (const { step: of, connection: only, used, underWay, socket } of open.values()) {
        if (of.id !== step || !(only === connection || used.has(connection))) continue
        const answers = [...underWay]
        if (!answers.some(([answer]) => spared.has(answer))) socket.destroy()
        else
          for (const [answer, asked] of answers)
            if (asked === connection && !spared.has(answer)) answer.destroy()
      }
    },
  }
}
