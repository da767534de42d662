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
  if (bytes === 0) return Buffer.alloc(0)
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null
    // At the end of a stream what is left comes, though it is less.
    if (chunk !== null && chunk.length === bytes) return chunk
    if (chunk !== null || socket.destroyed || socket.readableEnded)
      throw new ProtocolFault('the connection ended within a message')
    await readable(socket)
  }
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
