import type { Readable } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import { nextChunk } from './next-chunk.ts'
import { readPacket, type Packet } from './pkt-line.ts'

/**
 * The packets of a Git server's answer, one by one. Throws `limit_exceeded` after so many bytes, `upstream_unreachable`
 * if the answer is cut off, or is the server's own refusal (`ERR`).
 */
export async function* readPackets(body: Readable, maxBytes: number): AsyncGenerator<Packet> {
  // Cut off is what it is then: the next read says so.
  body.on('error', () => undefined)
  let bytes: Buffer = Buffer.alloc(0)
  let total = 0
  try {
    for (;;) {
      const read = readPacket(bytes, 0)
      if (read !== undefined) {
        bytes = bytes.subarray(read.next)
        const line = read.packet.kind === 'data' ? read.packet.payload : undefined
        if (line?.toString('latin1', 0, 4) === 'ERR ')
          throw new MayflyError('upstream_unreachable', `the Git server says: ${shown(line.subarray(4))}`)
        yield read.packet
        continue
      }
      const chunk = await nextChunk(body)
      if (chunk === undefined) {
        if (bytes.length > 0 || !body.readableEnded)
          throw new MayflyError('upstream_unreachable', 'the Git server’s answer is cut off')
        return
      }
      total += chunk.length
      if (total > maxBytes)
        throw new MayflyError('limit_exceeded', `the Git server’s answer is over ${maxBytes} bytes`)
      bytes = Buffer.concat([bytes, chunk])
    }
  } finally {
    body.destroy()
  }
}

/** Text of a server's in a message of ours: short, and nothing that moves a terminal's cursor. */
export function shown(text: Buffer): string {
  return text
    .toString('utf8')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200)
}
