import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { createJobWorkspaces, type JobWorkspaces } from './job-workspaces.ts'
import { workspaceId } from './workspace-id.ts'

const base = `mayfly-jobs-${process.getuid?.() ?? 0}`

function world(t: TestContext) {
  const [workspace, temporary] = [temporaryFolder(t), temporaryFolder(t)]
  const told: string[] = []
  const open = (variables: Record<string, string> = {}): JobWorkspaces =>
    createJobWorkspaces({
      environment: { variables: { RUNNER_TEMP: temporary, ...variables } },
      workspaces: [workspace],
      tell: (line) => told.push(line),
      cancel: new AbortController().signal,
    })
  return { workspace, temporary, told, open, folders: () => inBase(temporary) }
}

function inBase(temporary: string): string[] {
  const path = join(temporary, base)
  return existsSync(path) ? readdirSync(path) : []
}

test('a fresh workspace is empty, this user’s alone, seen at the place of the job’s, and gone with its step', async (t) => {
  const { workspace, temporary, open, folders } = world(t)
  const job = open()
  const one = await job.open('fresh', workspace, 'run_1')
  const two = await job.open('fresh', workspace, 'run_1')
  assert.deepEqual([one.inside, two.inside, readdirSync(one.path)], [workspace, workspace, []])
  assert.notEqual(one.path, two.path)
  assert.ok(one.path.startsWith(`${temporary}/`))
  for (const path of [join(temporary, base), one.path, await job.store()])
    assert.equal(lstatSync(path).mode & 0o777, 0o700, path)
  mkdirSync(join(one.path, 'a'))
  writeFileSync(join(one.path, 'a/file'), '')
  chmodSync(join(one.path, 'a'), 0)
  one[Symbol.dispose]()
  assert.deepEqual([existsSync(one.path), existsSync(two.path)], [false, true])
  await job[Symbol.asyncDispose]()
  assert.deepEqual([folders(), readdirSync(temporary)], [[], []])
})

test('a folder that a step made too deep for a path is gone, too', async (t) => {
  const { workspace, open, folders } = world(t)
  const job = open()
  const { path } = await job.open('fresh', workspace, 'run_1')
  const script = 'for (1..60) { mkdir("d" x 200); chdir("d" x 200) or die }'
  const child = spawn('/usr/bin/perl', ['-e', script], { cwd: path })
  assert.equal(await new Promise((done) => child.once('close', done)), 0)
  await job[Symbol.asyncDispose]()
  assert.deepEqual(folders(), [])
})

test('what a killed job left the next one takes away, and nothing of one that lives', async (t) => {
  const { workspace, temporary, open, folders } = world(t)
  mkdirSync(join(temporary, base, 'job-left/workspace-1/.git'), { recursive: true })
  const living = open()
  const kept = await living.open('fresh', workspace, 'run_1')
  await open()[Symbol.asyncDispose]()
  assert.deepEqual([folders().length, existsSync(kept.path)], [1, true])
  await living[Symbol.asyncDispose]()
})

test('a folder of somebody else’s, a link, one in the workspace: another place is taken', async (t) => {
  const { workspace, temporary, open } = world(t)
  const outside = temporaryFolder(t)
  symlinkSync(outside, join(temporary, base))
  const other = temporaryFolder(t)
  const job = open({ TMPDIR: join(workspace, 'tmp'), XDG_STATE_HOME: other })
  const { path } = await job.open('fresh', workspace, 'run_1')
  assert.ok(path.startsWith(`${other}/${base}/`), path)
  await job[Symbol.asyncDispose]()
  assert.deepEqual([readdirSync(outside), existsSync(join(workspace, 'tmp'))], [[], false])
  const open777 = temporaryFolder(t)
  mkdirSync(join(open777, base))
  chmodSync(join(open777, base), 0o777)
  const second = open({ RUNNER_TEMP: open777 })
  await second.store()
  assert.equal(lstatSync(join(open777, base)).mode & 0o777, 0o700)
  await second[Symbol.asyncDispose]()
})

test('a job that waits for people lets others into its workspace, but not while a step runs in there', async (t) => {
  const { workspace, told, open } = world(t)
  const [first, second] = [open(), open()]
  await first.take()
  const step = await first.open('job', workspace, 'run_1')
  first.giveWay()
  const waiting = second.take()
  while (told.length === 0) await new Promise((next) => setTimeout(next, 2))
  assert.match(told.join(), /^another step runs in/)
  step[Symbol.dispose]()
  first.giveWay()
  await waiting
  // Twice is once: the next step counts.
  step[Symbol.dispose]()
  // It comes back when the other one has ended.
  const again = first.open('job', workspace, 'run_1')
  while (told.length === 1) await new Promise((next) => setTimeout(next, 2))
  await second[Symbol.asyncDispose]()
  const running = await again
  first.giveWay()
  const third = open()
  const late = third.take()
  while (told.length < 3) await new Promise((next) => setTimeout(next, 2))
  running[Symbol.dispose]()
  await first[Symbol.asyncDispose]()
  await late
  await third[Symbol.asyncDispose]()
})

test('a mayfly run in a step of its own workspace says so at once, instead of waiting for itself', async (t) => {
  const { workspace, told, open } = world(t)
  await using outer = open()
  await outer.take()
  await using inner = open({ MAYFLY_STEP: 'stp_1' })
  await assert.rejects(inner.take(), {
    code: 'conflict',
    message:
      /itself part of a step \(stp_1\), which holds .*: run the command without mayfly run, or in another folder/,
  })
  assert.deepEqual(told, [])
  assert.notEqual((await inner.open('fresh', workspace, 'run_1')).path, workspace)
})

test('an id is one folder’s in one run, and says nothing about it', (t) => {
  const { workspace, temporary } = world(t)
  const id = workspaceId('run_1', workspace)
  assert.match(id, /^[0-9a-f]{64}$/)
  assert.equal(workspaceId('run_1', `${workspace}/.`), id)
  const others = [workspaceId('run_2', workspace), workspaceId('run_1', temporary)]
  assert.equal(new Set([id, ...others]).size, 3)
})
