import type { Duplex } from 'node:stream'
import { ProtocolFault, headerBytes } from './wire.ts'

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

function readable(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'close', 'error'] as const
    const wake = () => {
      for (const event of events) socket.off(event, wake)
      resolve()
    }
    for (const event of events) socket.once(event, wake)
  })
}

/** One message with a type. Throws `ProtocolFault` for one that is longer than that. */
export async function readMessage(
  socket: Duplex,
  maxBytes: number,
): Promise<{ readonly type: string; readonly body: Buffer }> {
  const head = await readExactly(socket, headerBytes)
  const length = head.readInt32BE(1) - 4
  const type = String.fromCharCode(head[0] ?? 0)
  if (length < 0 || length > maxBytes)
    throw new ProtocolFault(`a message of type ${JSON.stringify(type)} says that it has ${length} bytes`)
  return { type, body: await readExactly(socket, length) }
}
