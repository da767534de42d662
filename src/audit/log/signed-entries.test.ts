import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type LogSource, parseCheckpoint, parseNote, readEntries } from '../verify/index.ts'
import { folderSource } from '../verify/node.ts'
import { sampleLog } from './log.fixture.ts'

test('entries under a checkpoint: every range of logs of every shape, and no other bytes', async (t) => {
  for (const size of [1, 255, 256, 257, 513, 700]) {
    const { folder } = await sampleLog(t, [size])
    const note = parseNote(readFileSync(join(folder, 'checkpoint'), 'utf8'))
    const under = parseCheckpoint(note?.text ?? '')
    assert.equal(under?.size, size)
    const source = folderSource(folder)
    for (const [from, to] of [
      [0, size],
      [size - 1, size],
      [Math.floor(size / 2), size],
      [0, 1],
    ] as const) {
      const texts = await textsOf(source, { from, to, under })
      assert.deepEqual(
        texts,
        Array.from({ length: to - from }, (_, i) => `{"number":${from + i}}`),
      )
    }
    const root = under.root.with(0, (under.root[0] ?? 0) ^ 1)
    await assert.rejects(textsOf(source, { under: { size, root } }), /not what its checkpoint signs/)
    // The last entry of the last bundle, with one bit that is another.
    const lying: LogSource = {
      ...source,
      read: async (path) => {
        const bytes = await source.read(path)
        if (bytes === undefined || !path.startsWith('tile/entries/')) return bytes
        const at = bytes.length - 2
        return bytes.with(at, (bytes[at] ?? 0) ^ 1)
      },
    }
    await assert.rejects(textsOf(lying, { from: size - 1, under }), /not what its checkpoint signs/)
  }
})

async function textsOf(source: LogSource, range: Parameters<typeof readEntries>[1]): Promise<string[]> {
  const texts: string[] = []
  for await (const { bytes } of readEntries(source, range)) texts.push(Buffer.from(bytes).toString())
  return texts
}
