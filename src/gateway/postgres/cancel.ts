import { randomBytes } from 'node:crypto'
import type { Permit } from '../exchange.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { reach } from './log-in.ts'
import { codes, startup } from './wire.ts'

/** The keys by which a client ends a statement of its own on another connection: ours, each for one of the server's. */
export interface CancelKeys {
  /** As the client is told it; forgotten with `forget`. */
  add(upstreamKey: Buffer, permit: Permit, keyBytes: number): { readonly key: Buffer; forget(): void }
  /** Passes a request on for a session of this step on this connection; any other is passed over, as PostgreSQL does. */
  cancel(stream: StreamExchange, key: Buffer): Promise<void>
}

interface Known {
  readonly upstreamKey: Buffer
  readonly permit: Permit
}

export function createCancelKeys(): CancelKeys {
  /** By the step, its connection, and our key. */
  const known = new Map<string, Known>()
  return {
    add(upstreamKey, permit, keyBytes) {
      // A process id is a positive number, and the rest is the key.
      const key = randomBytes(4 + keyBytes)
      key[0] = (key[0] ?? 0) & 0x7f
      const name = key.toString('hex')
      known.set(name, { upstreamKey, permit })
      return { key, forget: () => void known.delete(name) }
    },
    async cancel(stream, key) {
      const one = known.get(key.toString('hex'))
      if (one === undefined) return
      const socket = await reach(stream, one.permit)
      socket.on('error', () => socket.destroy())
      socket.end(startup(codes.cancel, one.upstreamKey))
      // The server says nothing, and closes once the signal is sent: what waits for that must not be answered sooner.
      socket.resume()
      await new Promise((closed) => socket.once('close', closed))
    },
  }
}
