import { wrong } from './wrong.ts'

/**
 * The fields that an entry may have beside its own: times and owners, each as long as it is by its definition, and once. Others give the
 * entry another name or other sizes; and in one of any length there is room for another directory, which Python's reader finds.
 */
export function holdExtra(extra: Buffer, sizes?: { readonly bytes: number; readonly packed: number }): void {
  const seen = new Set<number>()
  for (let at = 0; at < extra.length;) {
    const [id, bytes] =
      at + 4 <= extra.length ? [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)] : [-1, 0]
    const content = extra.subarray(at + 4, at + 4 + bytes)
    const isKnown =
      known.get(id)?.(content) === true ||
      // Sizes of large files, which Python also packs where they say what is said already.
      (id === 0x0001 && sizes !== undefined && content.equals(sizesOf(sizes)))
    if (content.length !== bytes || !isKnown || seen.has(id))
      throw wrong('an entry of its zip has a field that readers do not agree on')
    seen.add(id)
    at += 4 + bytes
  }
}

const known: ReadonlyMap<number, (content: Buffer) => boolean> = new Map([
  // Info-ZIP's times: which of three there are, and at least one of those, or in the directory the first alone.
  [0x5455, (content: Buffer) => (content[0] ?? 8) < 8 && [1, 5, 9, 13].includes(content.length)],
  // Info-ZIP's owner and group: the version, and two numbers of four bytes.
  [
    0x7875,
    (content: Buffer) => content.length === 11 && content[0] === 1 && content[1] === 4 && content[6] === 4,
  ],
  // NTFS: nothing, and one attribute of three times.
  [0x000a, (content: Buffer) => content.length === 32 && content.readUInt32LE(4) === 0x0018_0001],
])

function sizesOf({ bytes, packed }: { readonly bytes: number; readonly packed: number }): Buffer {
  const sizes = Buffer.alloc(16)
  sizes.writeBigUInt64LE(BigInt(bytes))
  sizes.writeBigUInt64LE(BigInt(packed), 8)
  return sizes
}
