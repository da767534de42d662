import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../store/index.ts'
import { createStoredArchiveDates } from './index.ts'

test('the newest date of a suite stays, for every server on the store, and for that suite of that archive alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-dates-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const open = () => {
    const store = openStore(join(folder, 'mayfly.db'))
    t.after(() => store.close().catch(() => undefined))
    return createStoredArchiveDates({ store })
  }
  const [one, other] = [open(), open()]
  const suite = (dates: typeof one, ms: number) => dates.newest('deb.test:80/debian', 'dists/stable', ms)
  assert.equal(await suite(one, 2_000), 2_000)
  assert.equal(await suite(other, 1_000), 2_000)
  assert.deepEqual(
    new Set(await Promise.all([suite(one, 3_000), suite(other, 4_000)])),
    new Set([4_000, 3_000]),
  )
  assert.equal(await suite(open(), 1), 4_000)
  assert.equal(await one.newest('deb.test:80/debian', 'dists/sid', 1), 1)
  assert.deepEqual(await other.suites('deb.test:80/debian'), ['dists/stable', 'dists/sid'])
  assert.deepEqual(await other.suites('other.test:80'), [])
  assert.equal(await one.newest('other.test:80', 'dists/stable', 1), 1)
})
