import type { Readable } from 'node:stream'
import { u32 } from '../../../ssh-keys/index.ts'

/** One packet of SFTP (draft-ietf-secsh-filexfer-02, section 3): what comes behind its length. */
export interface Packet {
  readonly type: number
  /** Behind the type. */
  readonly body: Buffer
}

/** Longer than any that OpenSSH sends or takes (sftp-common.h: 256 KiB). */
const mostBytes = 262_144 + 1_024

/** Splits a stream into packets. Throws `RangeError` for one that no peer would send. */
export async function* readPackets(stream: Readable): AsyncGenerator<Packet> {
  let parts: Buffer[] = []
  let held = 0
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    parts.push(chunk)
    held += chunk.length
    for (;;) {
      if (held < 5) break
      if ((parts[0]?.length ?? 0) < 5) parts = [Buffer.concat(parts)]
      const length = parts[0]?.readUInt32BE(0) ?? 0
      if (length < 1 || length > mostBytes) throw new RangeError(`a packet of ${length} bytes`)
      if (held < length + 4) break
      const bytes = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts)
      const rest = bytes.subarray(length + 4)
      parts = rest.length === 0 ? [] : [rest]
      held = rest.length
      yield { type: bytes[4] ?? 0, body: bytes.subarray(5, length + 4) }
    }
  }
}

export function packetOf(type: number, ...body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 1)
  return Buffer.concat([u32(length), Buffer.from([type]), ...body])
}
