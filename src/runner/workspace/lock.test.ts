import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { lockWorkspaces } from './lock.ts'

function asker(waitMs = 20) {
  const told: string[] = []
  const cancel = new AbortController()
  const lock = (...workspaces: string[]) =>
    lockWorkspaces(workspaces, { tell: (line) => told.push(line), cancel: cancel.signal, waitMs })
  return { told, cancel, lock }
}

test('in a workspace, above it and below it, one job runs at a time; beside it another', async (t) => {
  const root = temporaryFolder(t)
  const [a, b, below] = [join(root, 'a'), join(root, 'b'), join(root, 'a/sub/deep')]
  for (const folder of [a, b, below]) mkdirSync(folder, { recursive: true })
  const held = await asker().lock(a)
  for (const other of [a, below, root]) {
    const { lock, told } = asker()
    await assert.rejects(lock(other), {
      code: 'conflict',
      message: /another step still runs in .*--workspace/,
    })
    assert.match(told.join('\n'), /^another step runs in .*: waiting for it to end$/)
  }
  const beside = asker()
  ;(await beside.lock(b, join(b, '.')))[Symbol.dispose]()
  assert.deepEqual(beside.told, [])
  held[Symbol.dispose]()
  ;(await asker().lock(root, below))[Symbol.dispose]()
})

test('the second job waits until the first has ended', async (t) => {
  const root = temporaryFolder(t)
  const first = await asker().lock(root)
  const second = asker(60_000)
  const waiting = second.lock(root)
  while (second.told.length === 0) await new Promise((next) => setTimeout(next, 2))
  first[Symbol.dispose]()
  ;(await waiting)[Symbol.dispose]()
})

test('who waits can give up', async (t) => {
  const root = temporaryFolder(t)
  using _held = await asker().lock(root)
  const { lock, cancel, told } = asker(60_000)
  const waiting = lock(root)
  while (told.length === 0) await new Promise((next) => setTimeout(next, 2))
  cancel.abort()
  await assert.rejects(waiting, { code: 'conflict' })
})

test('a supervisor that is killed leaves no lock behind', async (t) => {
  const root = temporaryFolder(t)
  const script = `import { lockWorkspaces } from ${JSON.stringify(new URL('lock.ts', import.meta.url).href)}
    await lockWorkspaces([${JSON.stringify(root)}], { tell: () => {}, cancel: new AbortController().signal })
    console.log('held')
    setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((held) => other.stdout.once('data', held))
  await assert.rejects(asker().lock(root), { code: 'conflict' })
  const ended = new Promise((end) => other.once('close', end))
  other.kill('SIGKILL')
  await ended
  ;(await asker().lock(root))[Symbol.dispose]()
})
