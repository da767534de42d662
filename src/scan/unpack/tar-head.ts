/** The head of one entry of a tar, as far as any reader would take it. */
export interface TarHead {
  readonly name: string
  readonly type: string
  /** Where it leads, if it is a link. */
  readonly link: string
  /** Of its content, as the head says; what is no number is 0. */
  readonly bytes: number
}

export const tarBlock = 512

/** Undefined if no reader would take the block for a head: its checksum does not hold (some sum up signed bytes). */
export function tarHeadIn(block: Buffer): TarHead | undefined {
  if (block.length < tarBlock || !mayBeNumber(block[148] ?? 0)) return undefined
  const said = numberAt(block, 148, 8)
  if (said === 0) return undefined
  let [sum, signed] = [8 * 0x20, 8 * 0x20]
  for (let at = 0; at < tarBlock; at++) {
    if (at >= 148 && at < 156) continue
    const byte = block[at] ?? 0
    sum += byte
    signed += byte < 0x80 ? byte : byte - 0x100
  }
  if (said !== sum && said !== signed) return undefined
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const [name, prefix] = [textAt(block, 0, 100), isUstar ? textAt(block, 345, 155) : '']
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    link: textAt(block, 157, 100),
    bytes: numberAt(block, 124, 12),
  }
}

/** Whether a number may begin so; a text hardly ever has such a byte just there. */
function mayBeNumber(byte: number): boolean {
  return byte === 0 || byte === 0x20 || (byte >= 0x30 && byte <= 0x37) || byte >= 0x80
}

/** Octal, or GNU's binary form. */
function numberAt(block: Buffer, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) !== 0) {
    const low = block.readUIntBE(at + length - 6, 6)
    const isLarge = block.subarray(at + 1, at + length - 6).some((byte) => byte !== 0)
    return isLarge || ((block[at] ?? 0) & 0x7f) !== 0 ? Number.MAX_SAFE_INTEGER : low
  }
  const digits = /^[ \0]*([0-7]+)/.exec(block.toString('latin1', at, at + length))?.[1]
  return digits === undefined ? 0 : Number.parseInt(digits, 8)
}

function textAt(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end === -1 ? length : end)
}

/** Path and size that a pax head gives to the next entry; of several ones the last. */
export function paxIn(content: Buffer): { readonly path?: string; readonly bytes?: number } {
  const found: { path?: string; bytes?: number } = {}
  for (let at = 0; at < content.length;) {
    const length = Number(/^(\d{1,7}) /.exec(content.toString('latin1', at, at + 8))?.[1] ?? 0)
    const record = content.toString('utf8', at, at + length)
    const [, key, value = ''] = /^\d+ ([^=]*)=([^]*)\n$/.exec(record) ?? []
    if (key === undefined) return found
    if (key === 'path') found.path = value
    if (key === 'size' && /^\d{1,15}$/.test(value)) found.bytes = Number(value)
    at += length
  }
  return found
}
