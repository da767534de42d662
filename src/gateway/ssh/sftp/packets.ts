import type { Readable } from 'node:stream'
import { u32 } from '../../../ssh-keys/index.ts'

/** One packet of SFTP (draft-ietf-secsh-filexfer-02, section 3). */
export interface Packet {
  readonly type: number
  /** Behind the type. Of what carries content of files it is only the beginning, in which everything but that stands. */
  readonly body: Buffer
  /** All of it, as it came: to be passed on without a copy. */
  readonly parts: readonly Buffer[]
}

/** Longer than any that OpenSSH sends or takes (sftp-common.h: 256 KiB). */
const mostBytes = 262_144 + 1_024
/** SSH_FXP_WRITE and SSH_FXP_DATA. */
const content: ReadonlySet<number> = new Set([6, 103])
/** Number, handle (256 bytes at most), offset, length. */
const headBytes = 5 + 4 + (4 + 256) + 8 + 4

/** Splits a stream into packets. Throws `RangeError` for one that no peer would send. */
export async function* readPackets(stream: Readable): AsyncGenerator<Packet> {
  let parts: Buffer[] = []
  let held = 0
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    parts.push(chunk)
    held += chunk.length
    while (held >= 5) {
      const length = headOf(parts, 4).readUInt32BE(0)
      if (length < 1 || length > mostBytes) throw new RangeError(`a packet of ${length} bytes`)
      if (held < length + 4) break
      const [whole, rest] = cut(parts, length + 4)
      parts = rest
      held -= length + 4
      const type = headOf(whole, 5)[4] ?? 0
      const head = headOf(whole, content.has(type) ? Math.min(headBytes, length + 4) : length + 4)
      yield { type, body: head.subarray(5), parts: whole }
    }
  }
}

/** The first `bytes` of what has at least as many; copied only where they are not in one piece. */
function headOf(parts: readonly Buffer[], bytes: number): Buffer {
  const [first] = parts
  if (first !== undefined && first.length >= bytes) return first.subarray(0, bytes)
  const head = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const part of parts) {
    if (at === bytes) break
    at += part.copy(head, at, 0, bytes - at)
  }
  return head
}

function cut(parts: readonly Buffer[], bytes: number): [Buffer[], Buffer[]] {
  let left = bytes
  const end = parts.findIndex((part) => {
    left -= part.length
    return left <= 0
  })
  const last = parts[end]
  if (last === undefined || left === 0) return [parts.slice(0, end + 1), parts.slice(end + 1)]
  const at = last.length + left
  return [
    [...parts.slice(0, end), last.subarray(0, at)],
    [last.subarray(at), ...parts.slice(end + 1)],
  ]
}

export function packetOf(type: number, ...body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 1)
  return Buffer.concat([u32(length), Buffer.from([type]), ...body])
}
