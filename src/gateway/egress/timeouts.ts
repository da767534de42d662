import type { Socket } from 'node:net'
import { limits } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'

/** How long something may take, and what is said when it took longer: which limit it was, and which key raises it. */
export interface TimeLimit {
  readonly ms: number
  readonly message: string
}

/** Until TCP stands; then until TLS stands, and until a proxy has answered. Of an egress host the usual one. */
export function connectLimit(connection: Connection | undefined): TimeLimit {
  return limitOf(
    connection,
    'connect',
    connection?.timeouts?.connectMs ?? limits.upstreamConnectMs,
    'it did not take the connection',
  )
}

/** From a request that was sent whole until its answer begins. */
export function firstByteLimit(connection: Connection): TimeLimit {
  return limitOf(
    connection,
    'first_byte',
    connection.timeouts?.firstByteMs ?? limits.silenceMs,
    'no answer began',
  )
}

/** While a body passes, either way: between one piece and the next. */
export function idleLimit(connection: Connection): TimeLimit {
  return limitOf(connection, 'idle', connection.timeouts?.idleMs ?? limits.silenceMs, 'nothing passed')
}

/** A step's own connection is silent while its upstream is: it outlasts it, so that the step is told why. */
export function stepSilenceMs(connection: Connection): number {
  return Math.max(limits.silenceMs, firstByteLimit(connection).ms, idleLimit(connection).ms) + graceMs
}

const graceMs = 30_000

function limitOf(connection: Connection | undefined, key: string, ms: number, what: string): TimeLimit {
  const raise =
    connection === undefined
      ? ''
      : `: if it needs longer, raise connections.${connection.name}.timeouts.${key} in mayfly.yaml`
  return { ms, message: `${what} within ${ms / 1000} s (${key} timeout)${raise}` }
}

/** Ends a stream on which nothing passes, where its connection says how long that may be: the step is told. */
export function boundIdle(connection: Connection, socket: Socket, tell: (why: string) => void): void {
  if (connection.timeouts?.idleMs === undefined) return
  const { ms, message } = idleLimit(connection)
  socket.setTimeout(ms, () => {
    tell(message)
    socket.destroy()
  })
}
