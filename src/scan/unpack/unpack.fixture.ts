import assert from 'node:assert/strict'
import type { Content, Position, UnpackOptions } from './model.ts'
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
