import { MayflyError } from '../../lib/index.ts'

/** A line's payload, or one of the two packets that carry none (gitprotocol-common, gitprotocol-v2). */
export type Packet =
  | { readonly kind: 'data'; readonly payload: Buffer }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delimiter' }

/**
 * The packet at `offset`, and where the next begins; `undefined` if more bytes are needed.
 * Throws `bad_input` for a length that the format does not know.
 */
export function readPacket(bytes: Buffer, offset: number): { packet: Packet; next: number } | undefined {
  if (bytes.length < offset + 4) return undefined
  const text = bytes.toString('latin1', offset, offset + 4)
  if (!/^[0-9a-f]{4}$/i.test(text)) throw new MayflyError('bad_input', 'not a git packet line')
  const length = parseInt(text, 16)
  if (length === 0) return { packet: { kind: 'flush' }, next: offset + 4 }
  if (length === 1 || length === 2) return { packet: { kind: 'delimiter' }, next: offset + 4 }
  if (length < 5 || length > 65_520) throw new MayflyError('bad_input', `git packet line of length ${length}`)
  const next = offset + length
  if (bytes.length < next) return undefined
  return { packet: { kind: 'data', payload: bytes.subarray(offset + 4, next) }, next }
}

/** One packet line. `payload` has at most 65,516 bytes. */
export function packetLine(payload: string | Buffer): Buffer {
  const body = Buffer.from(payload as string)
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body])
}

export const flushPacket = Buffer.from('0000')
