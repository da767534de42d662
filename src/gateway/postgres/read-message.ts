import type { Duplex } from 'node:stream'
import { ProtocolFault, readExactly } from '../read-exactly.ts'
import { headerBytes } from './wire.ts'

/** As libpq tells an error of the old form by: no text of ours is as long (fe-connect.c). */
const maxErrorBytes = 30_000
const maxOldChars = 1_000

/**
 * One message with a type. Throws `ProtocolFault` for one that is longer than that. Before all else (`isFirst`) a server that cannot
 * start a session says so in the form of protocol 2, a text that ends with a zero byte: `old`.
 */
export async function readMessage(
  socket: Duplex,
  maxBytes: number,
  isFirst = false,
): Promise<{ readonly type: string; readonly body: Buffer; readonly old?: string }> {
  const head = await readExactly(socket, headerBytes)
  const length = head.readInt32BE(1) - 4
  const type = String.fromCharCode(head[0] ?? 0)
  if (isFirst && type === 'E' && (length < 4 || length > maxErrorBytes))
    return { type, body: head, old: await oldText(socket, head.subarray(1)) }
  if (length < 0 || length > maxBytes)
    throw new ProtocolFault(`a message of type ${JSON.stringify(type)} says that it has ${length} bytes`)
  return { type, body: await readExactly(socket, length) }
}

async function oldText(socket: Duplex, beginning: Buffer): Promise<string> {
  const parts = [beginning]
  try {
    while (parts.length < maxOldChars && !parts.at(-1)?.includes(0)) parts.push(await readExactly(socket, 1))
  } catch {
    // It ends as it likes.
  }
  const [text = ''] = Buffer.concat(parts).toString().split('\0')
  return text.replaceAll(/[^ -~]/g, ' ').trim()
}
