/** What is not DER, or not what its reader expected. */
export class DerError extends Error {
  override readonly name = 'DerError'
}

/** One value. Nothing is copied: the bytes are those that were given. */
export interface DerNode {
  /** Class, constructed bit and number, as in the first byte; no tag here has a number over 30. */
  readonly tag: number
  readonly content: Buffer
  /** Tag and length with it. */
  readonly whole: Buffer
  /** Of a constructed one. Throws `DerError` if its content is not DER. */
  children(): readonly DerNode[]
}

const constructed = 0x20
/** A certificate has twelve. */
const maxDepth = 32
const maxChildren = 10_000

/** Exactly one value, with nothing behind it. Throws `DerError`. */
export function readDer(bytes: Uint8Array): DerNode {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [only, ...more] = nodesIn(buffer, 0)
  if (only === undefined || more.length > 0) throw new DerError('not one value of DER')
  return only
}

function nodesIn(bytes: Buffer, depth: number): readonly DerNode[] {
  if (depth > maxDepth) throw new DerError(`values within values more than ${maxDepth} deep`)
  const nodes: DerNode[] = []
  for (let at = 0; at < bytes.length;) {
    if (nodes.length === maxChildren) throw new DerError(`more than ${maxChildren} values in one`)
    const { tag, start, end } = headAt(bytes, at)
    const content = bytes.subarray(start, end)
    nodes.push({
      tag,
      content,
      whole: bytes.subarray(at, end),
      children() {
        if ((tag & constructed) === 0) throw new DerError('a plain value has no values in it')
        return nodesIn(content, depth + 1)
      },
    })
    at = end
  }
  return nodes
}

function headAt(bytes: Buffer, at: number): { tag: number; start: number; end: number } {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) throw new DerError('cut off')
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several bytes')
  if (first < 0x80) return within(bytes, tag, at + 2, first)
  const count = first & 0x7f
  // Of no length (0x80: indefinite) or of a longer form than it takes is BER, which others may read in another way.
  if (count === 0 || count > 4) throw new DerError('a length that is not DER')
  if (at + 2 + count > bytes.length) throw new DerError('cut off')
  const length = bytes.readUIntBE(at + 2, count)
  if (length < 0x80 || bytes[at + 2] === 0) throw new DerError('a length that is longer than it takes')
  return within(bytes, tag, at + 2 + count, length)
}

function within(bytes: Buffer, tag: number, start: number, length: number) {
  if (start + length > bytes.length) throw new DerError('cut off')
  return { tag, start, end: start + length }
}
