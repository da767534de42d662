import type { Duplex } from 'node:stream'
import { ProtocolFault, readExactly } from '../read-exactly.ts'

/** What one packet holds at most; one that is full goes on in the next (MySQL internals, "Packets"). */
export const fullPacket = 0xffffff

export interface Packet {
  readonly sequence: number
  readonly body: Buffer
}

/** Undefined where the other side has ended between two packets. Throws `ProtocolFault` for one that is longer than that. */
export async function readPacket(socket: Duplex, maxBytes: number): Promise<Packet | undefined> {
  let head: Buffer
  try {
    head = await readExactly(socket, 4)
  } catch {
    return undefined
  }
  const length = head.readUIntLE(0, 3)
  if (length > maxBytes) throw new ProtocolFault(`a packet says that it has ${length} bytes`)
  return { sequence: head[3] ?? 0, body: await readExactly(socket, length) }
}

export function packetOf(sequence: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(4)
  head.writeUIntLE(body.length, 0, 3)
  head[3] = sequence & 0xff
  return Buffer.concat([head, body])
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

export function cString(text: string): Buffer {
  return Buffer.concat([Buffer.from(text.replaceAll('\0', '')), Buffer.of(0)])
}

/** ERR_Packet. `code` and `state` as servers have them: 1142 and 42000 for what an account may not. */
export function errorPacket(sequence: number, code: number, state: string, message: string): Buffer {
  const text = Buffer.from(message.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, 500))
  return packetOf(sequence, Buffer.of(0xff), u16(code), Buffer.from(`#${state}`), text)
}

/** OK_Packet, autocommit. */
export function okPacket(sequence: number): Buffer {
  return packetOf(sequence, Buffer.of(0, 0, 0), u16(2), u16(0))
}

/** Reads what packets are made of. Throws `ProtocolFault` past the end. */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(count: number): Buffer {
    if (count > this.left) throw new ProtocolFault('a packet ends before it should')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  u8(): number {
    return this.take(1).readUInt8()
  }

  u16(): number {
    return this.take(2).readUInt16LE()
  }

  u32(): number {
    return this.take(4).readUInt32LE()
  }

  /** Length-encoded; NULL, and what is over 2^32, is a fault. */
  length(): number {
    const first = this.u8()
    if (first < 0xfb) return first
    if (first === 0xfc) return this.u16()
    if (first === 0xfd) return this.take(3).readUIntLE(0, 3)
    const low = first === 0xfe ? this.u32() : 0
    if (first !== 0xfe || this.u32() !== 0) throw new ProtocolFault('a length is no number')
    return low
  }

  /** To the next zero byte, which is taken, too; or to the end. */
  text(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at)
    const text = this.take((end === -1 ? this.#bytes.length : end) - this.#at)
    if (end !== -1) this.#at++
    return text
  }

  rest(): Buffer {
    return this.take(this.left)
  }
}
