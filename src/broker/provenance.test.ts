import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../store/index.ts'
import { createStoredProvenance, type KnownProvenance } from './index.ts'

const seen = (version: string, sinceMs: number, repository = 'one'): KnownProvenance => ({
  ...{ issuer: 'ci', repository, repositoryId: undefined, version, sinceMs },
})
const from = (repository: string, replace = false) => ({
  isSame: (known: KnownProvenance) => known.repository === repository,
  replace,
})

test('the first one to prove it counts, from the earliest of its versions on, until it is replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-provenance-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const open = () => {
    const store = openStore(join(folder, 'mayfly.db'))
    t.after(() => store.close().catch(() => undefined))
    return createStoredProvenance({ store })
  }
  const stored = open()
  const see = (known: KnownProvenance, replace = false) =>
    stored.see('npm.test:443', 'pkg:npm/a', known, from(known.repository, replace))
  assert.equal(await stored.of('npm.test:443', 'pkg:npm/a'), undefined)
  assert.deepEqual(await see(seen('2.0.0', 20)), seen('2.0.0', 20))
  assert.deepEqual(await see(seen('3.0.0', 30)), seen('2.0.0', 20))
  assert.deepEqual(await see(seen('1.0.0', 10)), seen('2.0.0', 10))
  assert.deepEqual(await see(seen('0.9.0', 5, 'other')), seen('2.0.0', 10))
  assert.deepEqual(await open().of('npm.test:443', 'pkg:npm/a'), seen('2.0.0', 10))
  assert.equal(await stored.of('other.test:443', 'pkg:npm/a'), undefined)
  const moved = { ...seen('4.0.0', 40, 'other'), repositoryId: '7' }
  assert.deepEqual(await see(moved, true), moved)
  assert.deepEqual(await open().of('npm.test:443', 'pkg:npm/a'), moved)
})
