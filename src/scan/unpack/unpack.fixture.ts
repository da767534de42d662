import assert from 'node:assert/strict'
import { crc32, deflateRawSync } from 'node:zlib'
import type { Content, Position, Unseen, UnpackOptions } from './model.ts'
import { unpack, type Input } from './unpack.ts'

/** All contents, kept; nothing may be unseen unless `unseen` is given. */
export async function contentsOf(
  name: string,
  input: Input,
  options: Partial<UnpackOptions> = {},
): Promise<Content[]> {
  const contents: Content[] = []
  await unpack(name, input, {
    overlap: 64,
    unseen: (one) => assert.fail(`${one.name}: ${one.why}`),
    visit: (content) => {
      const bytes = Buffer.from(content.bytes)
      const places = Array.from({ length: Math.min(bytes.length, 4_096) + 1 }, (_, i) => content.position(i))
      contents.push({ ...content, bytes, position: (at) => places[at] ?? content.position(at) })
    },
    ...options,
  })
  return contents
}

/** Where each piece begins and ends, without its bytes. */
export async function inPieces(name: string, input: Input, overlap: number) {
  const pieces: { from: number; to: number; length: number; start: Position }[] = []
  await unpack(name, input, {
    overlap,
    unseen: (one) => assert.fail(one.why),
    visit: ({ from, to, bytes, position }) =>
      void pieces.push({ from, to, length: bytes.length, start: position(0) }),
  })
  return pieces
}

export async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export interface Texts {
  /** By the name of the content. */
  readonly texts: Readonly<Record<string, string>>
  readonly unseen: readonly Unseen[]
}

export async function unseenOf(
  name: string,
  input: Input,
  options: Partial<UnpackOptions> = {},
): Promise<Texts> {
  const texts: Record<string, string> = {}
  const unseen: Unseen[] = []
  await unpack(name, input, {
    overlap: 64,
    unseen: (one) => void unseen.push(one),
    visit: ({ name: own, bytes, from, to }) => {
      texts[own] = (texts[own] ?? '') + bytes.toString('latin1', from, to)
    },
    ...options,
  })
  return { texts, unseen }
}

export async function textsOf(name: string, input: Input): Promise<Readonly<Record<string, string>>> {
  const { texts, unseen } = await unseenOf(name, input)
  assert.deepEqual(unseen, [])
  return texts
}

interface ZipShape {
  readonly method?: number
  /** Instead of the content, packed. */
  readonly packed?: Buffer
  /** What its head says instead of the truth. */
  readonly packedBytes?: number
  readonly bytes?: number
}

export function zipLocal(name: string, content: string | Buffer, shape: ZipShape = {}): Buffer {
  const plain = Buffer.from(content)
  const packed = shape.packed ?? (shape.method === 0 ? plain : deflateRawSync(plain))
  const head = Buffer.alloc(30)
  head.write('PK\x03\x04', 'latin1')
  head.writeUInt16LE(20, 4)
  head.writeUInt16LE(shape.method ?? 8, 8)
  head.writeUInt32LE(crc32(plain), 14)
  head.writeUInt32LE(shape.packedBytes ?? packed.length, 18)
  head.writeUInt32LE(shape.bytes ?? plain.length, 22)
  head.writeUInt16LE(Buffer.byteLength(name), 26)
  return Buffer.concat([head, Buffer.from(name), packed])
}

export function zipCentral(name: string, content: string | Buffer, at: number, shape: ZipShape = {}): Buffer {
  const local = zipLocal(name, content, shape)
  const head = Buffer.alloc(46)
  head.write('PK\x01\x02', 'latin1')
  local.copy(head, 6, 4, 30)
  head.writeUInt16LE(0, 30)
  head.writeUInt32LE(at, 42)
  return Buffer.concat([head, Buffer.from(name)])
}

export function zipEnd(directory: readonly Buffer[], at: number): Buffer {
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(directory.length, 8)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(at, 16)
  return end
}

export function zipOf(members: Readonly<Record<string, string | Buffer>>, shape: ZipShape = {}): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, content] of Object.entries(members)) {
    const local = zipLocal(name, content, shape)
    directory.push(zipCentral(name, content, at, shape))
    locals.push(local)
    at += local.length
  }
  return Buffer.concat([...locals, ...directory, zipEnd(directory, at)])
}

export const tarEnd = Buffer.alloc(1_024)

export function tarEntry(name: string, content: string | Buffer, type = '0'): Buffer {
  const bytes = Buffer.from(content)
  const head = Buffer.alloc(512)
  head.write(name, 0, 100)
  head.write('000644 \u00000000000 \u00000000000 \u0000', 100)
  head.write(`${bytes.length.toString(8).padStart(11, '0')} 00000000000 `, 124)
  head.write(`        ${type}`, 148)
  head.write('ustar\u000000', 257)
  head.write(
    `${head
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}
