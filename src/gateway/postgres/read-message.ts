import type { Duplex } from 'node:stream'
import { ProtocolFault, readExactly } from '../read-exactly.ts'
import { headerBytes } from './wire.ts'

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
