import type { Duplex } from 'node:stream'
import { refusalIn } from './log-in.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { Reader, packetOf, readPacket } from './wire.ts'

const maxRows = 100_000
const maxPacket = 65_536

/** Asks the server something of our own, before the client does. The first column of each row. Throws `LoginRefused`, `ProtocolFault`. */
export async function ask(socket: Duplex, sql: string, deprecateEof: boolean): Promise<string[]> {
  socket.write(packetOf(0, Buffer.of(3), Buffer.from(sql)))
  const next = async () => {
    const packet = await readPacket(socket, maxPacket)
    if (packet === undefined) throw new ProtocolFault('the server closed the connection')
    if (packet.body[0] === 0xff) throw refusalIn(packet.body)
    return packet.body
  }
  const first = await next()
  if (first[0] === 0) return []
  const columns = new Reader(first).length()
  for (let left = columns + (deprecateEof ? 0 : 1); left > 0; left--) await next()
  const rows: string[] = []
  for (;;) {
    const row = await next()
    if (row[0] === 0xfe && row.length < maxPacket) return rows
    if (rows.length >= maxRows) throw new ProtocolFault('the server has more databases than can be held')
    const reader = new Reader(row)
    rows.push(reader.take(reader.length()).toString())
  }
}
