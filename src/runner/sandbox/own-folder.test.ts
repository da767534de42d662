import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ownName } from './own-name.ts'
import { sweepOwnFolders } from './own-folder.ts'
import { openBench, temporaryFolder } from './sandbox.fixture.ts'

test('what a killed supervisor left is removed at the next start; a living one’s, a link and others’ stay', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const folder = temporaryFolder(t)
  const request = {
    ...{ workspace: bench.workspace, tools: [], env: {}, command: ['/bin/sleep', '60'] },
    ...{ caCertificate: '', covers: [], withStdin: false, limits: bench.limits },
    ...{ bwrap: bench.probe.bwrap, disableUserns: bench.probe.disableUserns },
    ...{ network: bench.probe.network, doors: { places: ['127.0.0.1:3128'], hosts: '' } },
  }
  const script = `import { startSandbox } from ${JSON.stringify(new URL('sandbox.ts', import.meta.url).href)}
    startSandbox(${JSON.stringify(request)}).onListener(() => console.log('listens'))`
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { TMPDIR: folder },
  })
  const end = new Promise((done) => supervisor.once('exit', done))
  t.after(() => supervisor.kill('SIGKILL'))
  await new Promise((listens) => supervisor.stdout.once('data', listens))
  await sweepOwnFolders(folder)
  const [left = ''] = readdirSync(folder)
  assert.match(left, /^mayfly-step-\d+-\d+-\d+-[0-9a-f]{8}$/)
  supervisor.kill('SIGKILL')
  await end

  const mine = ownName('mayfly-step')
  mkdirSync(join(folder, mine))
  mkdirSync(join(folder, 'mayfly-step-of-somebody'))
  const target = temporaryFolder(t)
  writeFileSync(join(target, 'kept'), '')
  const link = left.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  symlinkSync(target, join(folder, link))
  await sweepOwnFolders(folder)
  assert.deepEqual(readdirSync(folder).toSorted(), [link, mine, 'mayfly-step-of-somebody'].toSorted())
  assert.deepEqual(readdirSync(target), ['kept'])
  await sweepOwnFolders('/nonexistent')
})
