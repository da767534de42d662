import { MayflyError } from '../lib/index.ts'

/** How SSH writes things (RFC 4251, section 5). */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u32(bytes.length), bytes])
}

/** A positive number, given as bytes with the highest first: without zeros in front but where its first bit would be a sign. */
export function mpint(value: Buffer): Buffer {
  const first = value.findIndex((byte) => byte !== 0)
  const bytes = first === -1 ? Buffer.alloc(0) : value.subarray(first)
  return text((bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]))
}

/** Reads the same back. Throws `bad_input` past the end. */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at)
      throw new MayflyError('bad_input', 'the key ends before it should')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  u32(): number {
    return this.take(4).readUInt32BE()
  }

  text(): Buffer {
    return this.take(this.u32())
  }
}
