import assert from 'node:assert/strict'
import { readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { takeLock } from '../src/lock.js'
import { temporaryFolder } from './helpers.js'

const unexpected = (error) => {
  throw error
}

async function until(condition) {
  for (let waited = 0; !(await condition()); waited += 5) {
    assert.ok(waited < 5_000, 'waited too long')
    await sleep(5)
  }
}

test('a lock that is held stays fresh', async (t) => {
  const path = join(await temporaryFolder(t), 'lock')
  const lock = await takeLock(path, unexpected, { beatMs: 5 })
  const past = new Date(Date.now() - 60_000)
  await utimes(path, past, past)
  await until(async () => (await stat(path)).mtime > past)
  assert.equal(await takeLock(path, unexpected), undefined)
  await lock.release()
})

test('a holder whose lock was taken over is told, and leaves the new one alone', async (t) => {
  const path = join(await temporaryFolder(t), 'lock')
  const lost = []
  const lock = await takeLock(path, (error) => lost.push(error), { beatMs: 5 })
  await writeFile(path, 'somebody else')
  await until(() => lost.length > 0)
  await lock.release()
  assert.equal(lost.length, 1)
  assert.equal(await readFile(path, 'utf8'), 'somebody else')
})
