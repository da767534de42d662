import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Checkpoint, parseCheckpoint, parseNote } from '../verify/index.ts'
import { folderSource } from '../verify/node.ts'
import { contradicts } from './fork-mark.ts'
import { sampleLog } from './log.fixture.ts'

test('a beginning of the log contradicts nothing, any other root and any longer log does', async (t) => {
  const { folder } = await sampleLog(t, [1, 255, 256, 257, 600])
  const source = folderSource(folder)
  const at = async (size: number): Promise<Checkpoint> =>
    parseCheckpoint(parseNote(await readFile(join(folder, `checkpoints/${size}`), 'utf8'))?.text ?? '')!
  const own = await at(600)
  for (const size of [0, 1, 255, 256, 257, 600]) {
    assert.equal(await contradicts(source, await at(size), own), false, String(size))
    const other = { ...(await at(size)), root: randomBytes(32) }
    assert.equal(await contradicts(source, other, own), true, String(size))
  }
  assert.equal(await contradicts(source, { ...own, size: 601 }, own), true)
})

test('damaged tiles show nothing about a history: they are named', async (t) => {
  const { folder } = await sampleLog(t, [100, 600])
  const source = folderSource(folder)
  const own = parseCheckpoint(parseNote(await readFile(join(folder, 'checkpoint'), 'utf8'))?.text ?? '')!
  const stranger = { ...own, size: 100, root: randomBytes(32) }
  const tile = join(folder, 'tile/0/000')
  const bytes = await readFile(tile)
  await writeFile(tile, bytes.with(40, bytes[40]! ^ 1))
  await assert.rejects(contradicts(source, stranger, own), /do not give its own root/)
  await rm(tile)
  await assert.rejects(contradicts(source, stranger, own), /misses tile\/0\/000/)
})
