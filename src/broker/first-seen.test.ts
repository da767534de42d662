import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openStore } from '../store/index.ts'
import { createStoredFirstSeen } from './index.ts'

const file = { registry: 'npm.test:443', purl: 'pkg:npm/a@1.0.0', path: '/a/-/a-1.0.0.tgz' }
const [one, other] = ['1'.repeat(64), '2'.repeat(64)]

function setup(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-seen-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const open = () => {
    const store = openStore(join(folder, 'mayfly.db'))
    t.after(() => store.close().catch(() => undefined))
    return createStoredFirstSeen({ store, clock: { nowMs: () => 1_000 } })
  }
  return { open }
}

test('a file stays what it was when it was seen first, for every server on the store', async (t) => {
  const { open } = setup(t)
  const [first, second] = [open(), open()]
  const seen = await Promise.all([first.see(file, one), second.see(file, other), first.see(file, other)])
  const [winner] = seen
  assert.equal(new Set(seen.map(({ digest }) => digest)).size, 1)
  assert.equal(winner.seenMs, 1_000)
  assert.equal((await second.see(file, other)).digest, winner.digest)
  assert.equal((await open().see(file, other)).digest, winner.digest)
})

test('another registry, package or place is another file', async (t) => {
  const seen = setup(t).open()
  await seen.see(file, one)
  for (const another of [
    { ...file, registry: 'other.test:443' },
    { ...file, purl: 'pkg:npm/a@1.0.1' },
    { ...file, path: '/a/-/a-1.0.0.tgz?x' },
  ])
    assert.equal((await seen.see(another, other)).digest, other)
})

test('it is known whether the log has it', async (t) => {
  const seen = setup(t).open()
  assert.equal((await seen.see(file, one)).recorded, false)
  assert.equal((await seen.see(file, one)).recorded, false)
  await seen.recorded([file])
  assert.equal((await seen.see(file, one)).recorded, true)
})
