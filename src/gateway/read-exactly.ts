import type { Duplex } from 'node:stream'
import { MayflyError } from '../lib/index.ts'

/** Who sent it does not speak the protocol, or not at this point: nothing that follows can be relied on. */
export class ProtocolFault extends MayflyError {
  constructor(what: string) {
    super('bad_input', what)
  }
}

/**
 * So many bytes, and not one beyond: before TLS, and before a session stands, each message is read by itself. Throws
 * `ProtocolFault` where the other side ends before.
 */
export async function readExactly(socket: Duplex, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let left = bytes; left > 0;) {
    // What is there is taken: whoever left it and waited for more would be told at once, again and again, that there is something.
    const chunk = socket.read(Math.min(left, socket.readableLength)) as Buffer | null
    if (chunk !== null) {
      parts.push(chunk)
      left -= chunk.length
    } else if (socket.destroyed || socket.readableEnded)
      throw new ProtocolFault('the connection ended within a message')
    else await readable(socket)
  }
  const [whole] = parts
  return parts.length === 1 && whole !== undefined ? whole : Buffer.concat(parts)
}

/** Resolves once there is something to read, or nothing will come any more. */
export function readable(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'close', 'error'] as const
    const wake = () => {
      for (const event of events) socket.off(event, wake)
      resolve()
    }
    for (const event of events) socket.once(event, wake)
  })
}
