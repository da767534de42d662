import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../store/index.ts'
import { createStoredTreeHeads, type TreeHead } from './index.ts'

const head = (size: number, root = `root of ${size}`): TreeHead => ({
  size,
  root,
  note: `note ${size} ${root}`,
})

test('the newest head of a log is kept past a restart, and moves only from what it was', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-heads-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const open = () => {
    const store = openStore(join(folder, 'mayfly.db'))
    t.after(() => store.close().catch(() => undefined))
    return { store, heads: createStoredTreeHeads({ store }) }
  }
  const [one, other] = [open(), open()]
  assert.equal(await one.heads.newest('a'), undefined)
  const results = await Promise.all([
    one.heads.advance('a', undefined, head(1)),
    other.heads.advance('a', undefined, head(2)),
  ])
  const [winner] = results
  assert.deepEqual(results, [winner, winner])
  assert.deepEqual(await other.heads.advance('a', winner, head(5)), head(5))
  assert.deepEqual(await one.heads.advance('a', winner, head(6)), head(5))
  assert.deepEqual(await one.heads.advance('a', head(5, 'another'), head(6)), head(5))
  await one.heads.advance('b', undefined, head(9))
  await Promise.all([one.store.close(), other.store.close()])
  assert.deepEqual(await open().heads.newest('a'), head(5))
})
