import assert from 'node:assert/strict'
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sampleLog } from '../log/log.fixture.ts'
import type { LogProblem } from './index.ts'
import { oddFiles, replaceByOdd } from './odd-file.fixture.ts'
import { folderSource, verifyFolder } from './node.ts'

test('what is no file holds up nobody, is not read whole, and is named', async (t) => {
  const { folder, verifierKey } = await sampleLog(t, [1, 300])
  const source = folderSource(folder)
  for (const path of [
    'checkpoint',
    'checkpoints/1',
    'tile/0/000',
    'tile/entries/000',
    'tile/1/000.p/1',
    'key.vkey',
  ]) {
    const before = await source.read(path)
    assert.ok(before)
    for (const [what, put, said] of oddFiles) {
      await replaceByOdd(join(folder, path), put, t)
      await assert.rejects(source.read(path), (error: Error) => {
        assert.ok(
          error.message.startsWith(`${join(folder, path)} cannot be read: `),
          `${what}: ${error.message}`,
        )
        assert.match(error.message, said)
        return true
      })
      const verdict = await verifyFolder(folder, verifierKey)
      assert.ok(!verdict.ok && verdict.problem.kind === 'unreadable', `${path}: ${what}`)
      assert.match(verdict.problem.message, said)
    }
    await replaceByOdd(join(folder, path), (file) => writeFile(file, before), t)
    assert.ok((await verifyFolder(folder, verifierKey)).ok)
  }
  for (const name of ['old', '01', '1-', '300-0123456789ABCDEF']) {
    await mkdir(join(folder, 'checkpoints', name))
    const { problem } = (await verifyFolder(folder, verifierKey)) as { problem?: LogProblem }
    assert.deepEqual([problem?.kind, problem?.where], ['checkpoint_malformed', `checkpoints/${name}`])
    await rmdir(join(folder, 'checkpoints', name))
  }
  await replaceByOdd(join(folder, 'checkpoints'), oddFiles[0]![1], t)
  const verdict = await verifyFolder(folder, verifierKey)
  assert.match(verdict.ok ? '' : verdict.problem.message, /checkpoints cannot be read: it is no folder/)
})
