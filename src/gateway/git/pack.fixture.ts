import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { createByteQueue } from './byte-queue.ts'
import { chunked } from './git.fixture.ts'
import { nextChunk } from './next-chunk.ts'
import { sha1 } from './object-format.ts'
import { readPack } from './pack-reader.ts'

export const types = { commit: 1, tree: 2, blob: 3, tag: 4, offsetDelta: 6, idDelta: 7 } as const

/** One object of a pack; `size` is what its head says, `base` is written between head and content. */
export function entry(
  type: number,
  content: Buffer | string,
  options: { size?: number; base?: Buffer; zlib?: Buffer } = {},
): Buffer {
  const bytes = Buffer.from(content as string)
  const { size = bytes.length, base = Buffer.alloc(0), zlib = deflateSync(bytes) } = options
  const head: number[] = []
  let [left, first] = [size, (type << 4) | (size % 16)]
  left = Math.floor(size / 16)
  while (left > 0) {
    head.push(first | 0x80)
    first = left % 128
    left = Math.floor(left / 128)
  }
  head.push(first)
  return Buffer.concat([Buffer.from(head), base, zlib])
}

/** How far back the base of a delta begins, as a pack writes it. */
export function distance(value: number): Buffer {
  const bytes = [value % 128]
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) {
    left -= 1
    bytes.unshift((left % 128) | 0x80)
  }
  return Buffer.from(bytes)
}

export function packOf(
  entries: readonly Buffer[],
  options: { count?: number; version?: number } = {},
): Buffer {
  const head = Buffer.from('PACK\0\0\0\0\0\0\0\0')
  head.writeUInt32BE(options.version ?? 2, 4)
  head.writeUInt32BE(options.count ?? entries.length, 8)
  return withDigest(Buffer.concat([head, ...entries]))
}

export function withDigest(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, createHash('sha1').update(bytes).digest()])
}

/** A delta that copies nothing: it says what size its base has, and inserts its whole text. */
export function delta(baseSize: number, text: string): Buffer {
  const sizeOf = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) | 0x80, ...sizeOf(value >> 7)]
  const bytes = Buffer.from(text)
  const inserts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 127) {
    const part = bytes.subarray(at, at + 127)
    inserts.push(Buffer.of(part.length), part)
  }
  return Buffer.concat([Buffer.from([...sizeOf(baseSize), ...sizeOf(bytes.length)]), ...inserts])
}

export const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

export function commitText(...parents: string[]): string {
  const who = 'a <a@example.com> 1700000000 +0000'
  return `tree ${emptyTree}\n${parents.map((one) => `parent ${one}\n`).join('')}author ${who}\ncommitter ${who}\n\nx\n`
}

export function idOf(text: string): string {
  return createHash('sha1')
    .update(`commit ${Buffer.byteLength(text)}\0${text}`)
    .digest('hex')
}

/** Reads a pack that comes in these pieces: its commits, what was passed on, and what was held back. */
export async function readAll(chunks: readonly Buffer[]): Promise<{
  commits: Map<string, readonly string[]>
  passed: Buffer
  held: Buffer
}> {
  const stream = chunked(chunks)
  const passed: Buffer[] = []
  const queue = createByteQueue({
    first: Buffer.alloc(0),
    next: () => nextChunk(stream),
    pass: async (bytes) => void passed.push(Buffer.from(bytes)),
    algorithm: 'sha1',
  })
  const commits = new Map<string, readonly string[]>()
  await readPack(queue, sha1, (id, parents) => commits.set(id, parents))
  return { commits, passed: Buffer.concat(passed), held: queue.bytes }
}
