/** What stands in front of a member of a zip (PKWARE APPNOTE 6.3, 4.3.7). */
export interface LocalHead {
  readonly name: string
  readonly flags: number
  readonly method: number
  /** As it says; 0 where it is said behind the content, or nowhere. */
  readonly packed: number
  /** Of the head itself. */
  readonly bytes: number
}

/** What the directory says of a member (4.3.12). */
export interface CentralHead {
  /** Where the local head is said to be. */
  readonly at: number
  readonly bytes: number
}

export const [localBytes, centralBytes, endBytes] = [30, 46, 22]
export const maxCentralBytes = centralBytes + 3 * 65_535

export const isEncrypted = ({ flags }: LocalHead) => (flags & 1) !== 0
/** Its sizes come behind its content. */
export const isOpenEnded = ({ flags }: LocalHead) => (flags & 8) !== 0

/** `bytes` begins with the signature; undefined if it is too short. */
export function localHeadIn(bytes: Buffer): LocalHead | undefined {
  if (bytes.length < localBytes) return undefined
  const [nameBytes, extraBytes] = [bytes.readUInt16LE(26), bytes.readUInt16LE(28)]
  const extraAt = localBytes + nameBytes
  const end = extraAt + extraBytes
  if (bytes.length < end) return undefined
  const packed = bytes.readUInt32LE(18)
  const large = packed === 0xffffffff ? largeNumbers(bytes.subarray(extraAt, end))[1] : undefined
  return {
    name: bytes.toString('utf8', localBytes, extraAt),
    flags: bytes.readUInt16LE(6),
    method: bytes.readUInt16LE(8),
    packed: large ?? packed,
    bytes: end,
  }
}

export function centralHeadIn(bytes: Buffer): CentralHead | undefined {
  if (bytes.length < centralBytes) return undefined
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((at) => bytes.readUInt16LE(at))
  const extraAt = centralBytes + (nameBytes ?? 0)
  const end = extraAt + (extraBytes ?? 0)
  const at = bytes.readUInt32LE(42)
  const large = at === 0xffffffff ? largeNumbers(bytes.subarray(extraAt, end)).at(-1) : undefined
  return { at: large ?? at, bytes: end + (commentBytes ?? 0) }
}

/** Of a zip over 4 GB: what is too large for its field (4.5.3). */
function largeNumbers(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    const field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2))
    const numbers = Array.from({ length: Math.floor(field.length / 8) }, (_, i) =>
      Number(field.readBigUInt64LE(8 * i)),
    )
    return numbers.filter(Number.isSafeInteger)
  }
  return []
}

/** By how much the offsets of a directory are off, since something was put in front of the zip: its end says how long it is. */
export function shiftIn(end: Buffer, endAt: number): number {
  return endAt - end.readUInt32LE(12) - end.readUInt32LE(16)
}
