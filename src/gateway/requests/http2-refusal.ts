import type { Duplex } from 'node:stream'

/**
 * Tells a client that began HTTP/2 without asking (prior knowledge, RFC 9113, section 3.3) why it is refused, in HTTP/2: an empty
 * SETTINGS frame, and GOAWAY with HTTP_1_1_REQUIRED and the reason, which clients show.
 */
export function refusePriorKnowledge(socket: Duplex, reason: string): void {
  const message = Buffer.from(reason)
  const goaway = Buffer.alloc(8)
  goaway.writeUInt32BE(0x0d, 4)
  socket.on('error', () => undefined)
  socket.end(Buffer.concat([frame(4, Buffer.alloc(0)), frame(7, Buffer.concat([goaway, message]))]), () =>
    socket.destroy(),
  )
}

function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  return Buffer.concat([head, payload])
}
