import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Unseen } from '../unpack/index.ts'
import { stagedSource, type Batch } from './index.ts'
import { gitEnvironment, runGit, temporaryFolder } from './sources.fixture.ts'

const files = 6

/** Each file fills a batch by more than half. */
function repository(t: TestContext): { folder: string; contents: Map<string, Buffer> } {
  const folder = temporaryFolder(t)
  runGit(folder, 'init', '-q', '-b', 'main')
  const contents = new Map<string, Buffer>()
  for (let i = 0; i < files; i++) {
    contents.set(`file-${i}`, randomBytes(1_500_000))
    writeFileSync(join(folder, `file-${i}`), contents.get(`file-${i}`) ?? '')
  }
  runGit(folder, 'add', '.')
  return { folder, contents }
}

function contentsOf({ parts, buffer }: Batch): [name: string, content: Buffer][] {
  assert.ok(buffer)
  return parts.map((part) => {
    assert.ok(part.kind === 'bytes')
    return [part.name, Buffer.from(buffer, part.at, part.bytes)]
  })
}

const failed = ({ why }: Unseen) => assert.fail(why)

test('the memory of a batch is used again once it is done', async (t) => {
  const { folder, contents } = repository(t)
  const memories = new Set<unknown>()
  const seen = new Map<string, Buffer>()
  for await (const batch of stagedSource({ folder, env: gitEnvironment }, failed)) {
    memories.add(batch.buffer)
    for (const [name, content] of contentsOf(batch)) seen.set(name, Buffer.from(content))
    batch.done?.()
  }
  assert.deepEqual(seen, contents)
  assert.equal(memories.size, 1)
})

test('what is looked at still is not written over, whatever is done before it', async (t) => {
  const { folder, contents } = repository(t)
  const batches: Batch[] = []
  for await (const batch of stagedSource({ folder, env: gitEnvironment }, failed)) {
    batches.push(batch)
    if (batches.length === 2) batch.done?.()
  }
  assert.equal(new Set(batches.map(({ buffer }) => buffer)).size, files - 1)
  const open = batches.filter((_, i) => i !== 1).flatMap(contentsOf)
  for (const [name, content] of open) assert.ok(content.equals(contents.get(name) ?? Buffer.alloc(0)), name)
})
