import type { Socket } from 'node:net'
import { MayflyError } from '../../lib/index.ts'

const maxBytes = 262_144
const patienceMs = 120_000

/** What the other side says, up to the end of its line. Throws `upstream_unreachable` where it says too much, or nothing for long. */
export async function readLine(socket: Socket): Promise<string> {
  socket.setTimeout(patienceMs, () => socket.destroy())
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > maxBytes) break
    const end = piece.indexOf(0x0a)
    pieces.push(end === -1 ? piece : piece.subarray(0, end))
    if (end !== -1) return Buffer.concat(pieces).toString('utf8')
  }
  throw new MayflyError('upstream_unreachable', 'the credential agent of this job has not answered')
}
