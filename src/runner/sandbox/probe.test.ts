import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { roleOf } from '../role-facts.fixture.ts'
import { limitsOf } from './limits/index.ts'
import { probeIsolation } from './index.ts'
import { temporaryFolder } from './sandbox.fixture.ts'

/** As container engines start a container: processes and a /proc of its own, parts of which are hidden or read-only. */
const asContainer = `
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys &&
mount --bind /dev/null /proc/timer_list && exec "$@"`

function inContainer(t: TestContext, script: string): Record<string, unknown> | undefined {
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    script,
  ]
  const unshare = ['-Urmpf', '--mount-proc', '--propagation', 'private', '--kill-child']
  if (spawnSync('unshare', [...unshare, 'sh', '-c', asContainer, 'sh', 'true']).status !== 0) {
    t.skip('no right to namespaces in which /proc could be masked')
    return undefined
  }
  const ran = spawnSync('unshare', [...unshare, 'sh', '-c', asContainer, 'sh', ...node], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(ran.status, 0, ran.stderr)
  return JSON.parse(ran.stdout) as Record<string, unknown>
}

const index = JSON.stringify(new URL('index.ts', import.meta.url).href)

test('in a container that allows no fresh /proc the machine has tier C and says why; a step runs in it, and cannot leave it', async (t) => {
  const outside = await probeIsolation()
  if (outside.tier !== 'B') return t.skip(`no sandbox on this machine: ${outside.why}`)
  const workspace = temporaryFolder(t)
  const request = {
    ...{
      workspace,
      tools: [],
      env: { PATH: '/usr/bin:/bin' },
      caCertificate: '',
      covers: [],
      withStdin: false,
    },
    command: [
      ...['/bin/sh', '-c'],
      'echo made > made; readlink /proc/self/ns/pid; cat /proc/1/environ 2>&1 >/dev/null | grep -c denied; echo 1 > /proc/sys/kernel/panic || exit 7',
    ],
    limits: limitsOf(roleOf('build').limits),
    doors: { places: ['127.0.0.1:3128'], hosts: '' },
  }
  const found = inContainer(
    t,
    `import { probeIsolation, startSandbox } from ${index}
     import { readlinkSync } from 'node:fs'
     const probe = await probeIsolation()
     let ran
     if (probe.tier === 'C') {
       const sandbox = startSandbox({ ...${JSON.stringify(request)}, ...probe })
       let out = ''
       sandbox.stdout.on('data', (text) => (out += text))
       sandbox.stderr.resume()
       ran = { code: await sandbox.exit, out }
     }
     console.log(JSON.stringify({ probe, ran, pids: readlinkSync('/proc/self/ns/pid') }))`,
  )
  if (found === undefined) return
  const probe = found['probe'] as { tier: string; why: string }
  if (probe.tier === 'none' && probe.why.includes('Landlock')) return t.skip(probe.why)
  assert.equal(probe.tier, 'C')
  assert.match(probe.why, /Can't mount proc/)
  assert.deepEqual(found['ran'], { code: 7, out: `${String(found['pids'])}\n1\n` })
  assert.equal(readFileSync(join(workspace, 'made'), 'utf8'), 'made\n')
})

test('what the probe found is remembered; what is written into its place by hand is no other program', async (t) => {
  const folder = join(temporaryFolder(t), 'cache')
  const memory = { folder, workspaces: [] }
  const found = await probeIsolation(memory)
  const file = join(folder, 'isolation.json')
  if (found.tier === 'none') return assert.equal(existsSync(file), false)
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text
      .replace(JSON.stringify(found.bwrap), '"/tmp/mine"')
      .replace('"sizedFolders":true', '"sizedFolders":false'),
  )
  const again = await probeIsolation(memory)
  assert.equal(again.tier !== 'none' && again.bwrap, found.bwrap)
  assert.equal(again.tier !== 'none' && again.sizedFolders, false, 'it was read from there')
  const workspace = join(folder, '..')
  mkdirSync(join(workspace, 'x'))
  const elsewhere = await probeIsolation({ folder, workspaces: [workspace] })
  assert.deepEqual(elsewhere, found, 'it was not read from where steps write')
})
