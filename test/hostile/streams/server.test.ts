import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setStage, startUp } from '../../../demo/stage.ts'
import { eventually, leasesOf, startJob } from './job.ts'
import { slow } from '../../whole.ts'

const setFast = () => setStage({ upArguments: ['--heartbeat-seconds', '1', '--drain-seconds', '1'] })
const waiting = [
  '--role',
  'build',
  '--',
  'bash',
  '-c',
  'echo begun; until [ -e go ]; do sleep 0.1; done; echo done',
]

test('a revocation is known at once, also to a step without a connection, and says by whom', async () => {
  // Heartbeats are ten seconds apart here: it is not one of them that tells.
  await using stage = await setStage()
  const job = startJob(stage, waiting)
  await job.says('begun')
  await stage.operate(['revoke', '--role', 'build'])
  assert.equal(await job.ended, 125)
  assert.match(job.said.err, /^mayfly: the step was ended by the server: revoked by \S+/m)
  assert.doesNotMatch(job.said.err, /could not be (?:reported|ended)/)
  assert.deepEqual(await leasesOf(stage), { active: 0, openSteps: 0 })
})

test('a server that is killed and started again: the step goes on and ends well', slow, async () => {
  // Three missed ones are fifteen seconds: a server takes longer than nine to come back where much else works, too.
  const heartbeat = ['--heartbeat-seconds', '5']
  await using stage = await setStage({ upArguments: [...heartbeat, '--drain-seconds', '1'] })
  const job = startJob(stage, waiting)
  await job.says('begun')
  const ready = JSON.parse(readFileSync(join(stage.dataFolder, 'up.json'), 'utf8')) as {
    url: string
    gateway: string
  }
  await stage.up.stop('SIGKILL')
  const again = await startUp(stage.dataFolder, [
    ...heartbeat,
    ...['--port', new URL(ready.url).port],
    ...['--gateway-port', new URL(ready.gateway).port],
  ])
  try {
    // Longer than the server waits for a heartbeat: that it lives is known to it.
    await new Promise((next) => setTimeout(next, 16_000))
    writeFileSync(join(stage.workspace, 'go'), '')
    assert.equal(await job.ended, 0, job.said.err)
    assert.equal(job.said.out, 'begun\ndone\n')
    assert.deepEqual(await leasesOf(stage), { active: 0, openSteps: 0 })
  } finally {
    await again.stop()
  }
})

test('a server that is stopped ends its steps, and they hear it: none runs on past its recorded end', async () => {
  await using stage = await setFast()
  const job = startJob(stage, waiting)
  await job.says('begun')
  await stage.up.stop('SIGTERM')
  assert.equal(await job.ended, 125)
  assert.match(job.said.err, /the step was ended by the server: revoked, because the server was stopped/)
})

for (const [how, signal] of [
  ['gone', 'SIGKILL'],
  ['frozen', 'SIGSTOP'],
] as const)
  test(
    `a server that is ${how}: the step ends when the server’s own rule has ended it, and says so`,
    slow,
    async () => {
      await using stage = await setFast()
      const job = startJob(stage, waiting)
      await job.says('begun')
      // A poll is under way, so that a frozen server holds it.
      await new Promise((next) => setTimeout(next, 500))
      process.kill(stage.up.pid, signal)
      try {
        await eventually('it ends', async () => job.child.exitCode !== null)
      } finally {
        if (signal === 'SIGSTOP') process.kill(stage.up.pid, 'SIGCONT')
      }
      assert.equal(await job.ended, 125)
      assert.match(job.said.err, /has not answered for 3 s: by its own rule the step is over/)
    },
  )
