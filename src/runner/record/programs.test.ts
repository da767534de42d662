import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBench } from '../sandbox/sandbox.fixture.ts'
import { watchPrograms } from './programs.ts'

test('programs that run for a while are named as the step sees them, also one that was copied and deleted', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const sandbox = bench.start([
    'bash',
    '-c',
    'cp /usr/bin/sleep ./odd; ./odd 60 & until [ -e seen ]; do /usr/bin/sleep 0.05; done; rm odd; echo removed; until [ -e again ]; do /usr/bin/sleep 0.05; done; kill %1',
  ])
  const programs = watchPrograms(sandbox, true)
  const names = () => programs.seen((text) => text)?.seen.map(({ program }) => program) ?? []
  const until = async (pattern: RegExp) => {
    for (let tries = 0; tries < 400 && !names().some((name) => pattern.test(name)); tries++)
      await new Promise((next) => setTimeout(next, 50))
    assert.ok(
      names().some((name) => pattern.test(name)),
      `${pattern}: ${names().join(' ')}`,
    )
  }
  await until(/\/odd$/)
  writeFileSync(join(bench.workspace, 'seen'), '')
  await until(/\/odd \(deleted\)$/)
  writeFileSync(join(bench.workspace, 'again'), '')
  await sandbox.exit
  programs.stop()
  assert.ok(names().some((name) => name.endsWith('/bash')))
  assert.ok(!names().some((name) => name.includes('perl')), 'its first process is ours')
})

test('of a crowd some are named and the rest counted; names are masked', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const sandbox = bench.start([
    'bash',
    '-c',
    'for i in $(seq 60); do cp /usr/bin/sleep p$i; ./p$i 60 & done; until [ -e seen ]; do /usr/bin/sleep 0.05; done; kill $(jobs -p)',
  ])
  const programs = watchPrograms(sandbox, true)
  const seen = () => programs.seen((text) => text.replace(/p\d+$/, '***'))
  for (let tries = 0; tries < 400 && (seen()?.more ?? 0) < 20; tries++)
    await new Promise((next) => setTimeout(next, 50))
  writeFileSync(join(bench.workspace, 'seen'), '')
  await sandbox.exit
  programs.stop()
  assert.equal(seen()?.seen.length, 40)
  assert.ok((seen()?.more ?? 0) >= 20)
  assert.ok(seen()?.seen.some(({ program }) => program.endsWith('/***')))
})

test('a step that has no process yet, or none any more, is no look', () => {
  const programs = watchPrograms({ firstProcess: () => undefined }, false)
  programs.stop()
  assert.equal(
    programs.seen((text) => text),
    undefined,
  )
})
