import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBench, temporaryFolder } from '../sandbox.fixture.ts'
import { watchDisk } from './disk.ts'
import { watchLimits } from './watch.ts'

const MiB = 2 ** 20

test('all folders that a step can write to count together, also files without a name', async (t) => {
  const [workspace, cache] = [temporaryFolder(t), temporaryFolder(t)]
  const isPassed = watchDisk([workspace, cache], 32 * MiB, () => [process.pid])
  assert.equal(await isPassed(), false)
  writeFileSync(join(workspace, 'a'), Buffer.alloc(20 * MiB, 1))
  assert.equal(await isPassed(), false)
  const fd = openSync(join(cache, 'b'), 'w')
  t.after(() => closeSync(fd))
  rmSync(join(cache, 'b'))
  writeSync(fd, Buffer.alloc(24 * MiB, 1))
  assert.equal(await isPassed(), true)
})

test('what somebody else writes to the disk does not end a step', async (t) => {
  const [workspace, other] = [temporaryFolder(t), temporaryFolder(t)]
  const isPassed = watchDisk([workspace], 32 * MiB, () => [])
  await isPassed()
  writeFileSync(join(other, 'a'), Buffer.alloc(64 * MiB, 1))
  assert.equal(await isPassed(), false)
})

test('room that others make while a step runs is not the step’s to fill unseen', async (t) => {
  const [workspace, other] = [temporaryFolder(t), temporaryFolder(t)]
  writeFileSync(join(other, 'a'), Buffer.alloc(128 * MiB, 1))
  const isPassed = watchDisk([workspace], 32 * MiB, () => [])
  assert.equal(await isPassed(), false)
  rmSync(join(other, 'a'))
  assert.equal(await isPassed(), false)
  writeFileSync(join(workspace, 'a'), Buffer.alloc(40 * MiB, 1))
  assert.equal(await isPassed(), true)
})

/** Writes without an end, a little at a time, and no file larger than a process may make. */
const filling = (folder: string) =>
  `i=0; while :; do head -c 8388608 /dev/zero > ${folder}/$((i % 6)); i=$((i + 1)); done`
const fillingOne = (paths: string) =>
  `while :; do for f in ${paths}; do head -c 25165824 /dev/zero > $f; done; done`

for (const [where, script] of [
  ['a cache', filling('cache')],
  ['a cache of its home', filling('/home/step/.npm')],
  ['the files that it hands on', fillingOne('/run/mayfly/ci/a /run/mayfly/ci/b /run/mayfly/ci/c')],
] as const)
  test(`a step that fills ${where} is ended by its limit of disk`, async (t) => {
    const workspace = temporaryFolder(t)
    mkdirSync(join(workspace, 'cache'))
    const bench = await openBench(
      t,
      workspace,
      { disk_bytes: 32 * MiB },
      {
        folders: [
          { outside: temporaryFolder(t), inside: join(workspace, 'cache') },
          { outside: temporaryFolder(t), inside: '/home/step/.npm' },
        ],
        handed: ['/run/mayfly/ci/a', '/run/mayfly/ci/b', '/run/mayfly/ci/c'],
      },
    )
    if (bench === undefined) return
    const running = bench.start(['/bin/sh', '-c', script])
    const passed = await new Promise((resolve) => {
      const watch = watchLimits({ limits: bench.limits, running, passed: resolve })
      t.after(() => watch.stop())
    })
    assert.equal(passed, 'disk')
    running.kill()
    await running.exit
  })
