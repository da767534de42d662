import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { baseEnvironment, projectFolder, runMayfly, setStage, type Stage } from '../../demo/stage.ts'

interface Finding {
  name: string
  state: string
  says: string
  mend?: string
}

let stage: Stage
let home: string
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'mayfly-doctor-'))
  stage = await setStage()
})
after(async () => {
  await stage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

const bare = () => ({ ...baseEnvironment(), HOME: home, XDG_CONFIG_HOME: join(home, 'config'), CI: '' })

async function examine(args: readonly string[], env: Record<string, string> = bare()) {
  const { exitCode, stdout, stderr } = await runMayfly(['doctor', '--json', ...args], env, {
    cwd: stage.workspace,
  })
  const { findings } = JSON.parse(stdout === '' ? '{}' : stdout) as { findings: Finding[] }
  const of = (name: string) => findings.filter((one) => one.name === name).at(-1)
  return { exitCode, stderr, findings, of }
}

const elsewhere = () => ['--data', join(home, 'no-server')]

test('where all is well, every part says so: the runner, the way to the server, the server’s machine', async () => {
  const job = { ...bare(), ...stage.jobEnvironment(), HOME: home }
  const { exitCode, findings, of } = await examine(['--data', stage.dataFolder], job)
  assert.equal(exitCode, 0, JSON.stringify(findings))
  for (const [name, says] of [
    ['sandbox', /^tier B/],
    [
      'podman',
      /^(?:podman version \S+, for steps with isolation: podman|not installed; only steps that name it need it|podman does not answer)$/,
    ],
    ['limits', /^held by a control group, version [12]$|^no control group can be made/],
    ['perl', /^\/usr\/bin\/perl$/],
    ['workspace', new RegExp(`^${realpathSync(stage.workspace)}$`)],
    ['server', /is ready$/],
    ['clock', /within seconds/],
    ['versions', /^both \d/],
    ['identity', /^issuer "ci"; roles that open: build, release$/],
    ['gateway', /answers a CONNECT \(refused without a token: 4\d\d\)$/],
    ['data folder', /its owner’s alone$/],
    ['audit log', /^\d+ entries published, signed by the pinned key$/],
    ['mayfly up', /^runs here: http/],
  ] as const)
    assert.match(of(name)?.says ?? '', says, name)
  // The identity token was not used up.
  const told = await runMayfly(['doctor', '--data', stage.dataFolder], job, { cwd: stage.workspace })
  assert.match(told.stdout, /nothing stands in the way\n$/)
})

test('a data folder that is open to others fails with the command, and --fix mends it', async () => {
  const keys = join(stage.dataFolder, 'keys')
  chmodSync(keys, 0o755)
  chmodSync(join(keys, 'vault.key'), 0o644)
  const sick = await examine(['--data', stage.dataFolder])
  assert.equal(sick.exitCode, 1)
  assert.equal(sick.of('data folder')?.state, 'fail')
  const mend = sick.of('data folder')?.mend ?? ''
  assert.ok(mend.startsWith(`chmod 700 ${keys} && chmod 600 ${join(keys, 'vault.key')}`), mend)
  assert.equal(statSync(keys).mode & 0o777, 0o755, 'without --fix nothing is changed')
  const mended = await examine(['--fix', '--data', stage.dataFolder])
  assert.equal(mended.of('data folder')?.state, 'ok')
  assert.deepEqual(
    [keys, join(keys, 'vault.key')].map((path) => statSync(path).mode & 0o777),
    [0o700, 0o600],
  )
})

test('a workspace that holds the home or the data folder', async () => {
  const ofHome = await examine([...elsewhere(), '--workspace', home])
  assert.match(ofHome.of('workspace')?.says ?? '', /holds the home/)
  const ofData = await examine(['--data', stage.dataFolder, '--workspace', stage.folder])
  assert.match(ofData.of('workspace')?.says ?? '', /holds the data folder of mayfly up/)
  assert.deepEqual([ofHome.exitCode, ofData.exitCode], [1, 1])
})

/** Something that answers where a server should be. */
async function standIn(t: TestContext, body: object, headers: Record<string, string> = {}): Promise<string> {
  const server = createServer((_request, response) => {
    response.sendDate = false
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('the server: none named, gone, another program, not ready, a clock that differs', async (t) => {
  const none = await examine(elsewhere())
  assert.deepEqual(
    [none.of('server')?.state, none.of('server')?.mend],
    ['skip', 'set MAYFLY_SERVER, or --server URL'],
  )
  assert.equal((await examine(elsewhere(), { ...bare(), CI: 'true' })).of('server')?.state, 'fail')
  const gone = await examine([...elsewhere(), '--server', 'http://127.0.0.1:1'])
  assert.equal(gone.exitCode, 1)
  assert.match(gone.of('server')?.says ?? '', /127\.0\.0\.1:1 does not answer/)
  const other = await examine([...elsewhere(), '--server', await standIn(t, { hello: 1 })])
  assert.match(other.of('server')?.says ?? '', /is no Mayfly server/)
  const sick = await standIn(t, { ready: false, reasons: ['audit log: gone'] })
  assert.match(
    (await examine([...elsewhere(), '--server', sick])).of('server')?.says ?? '',
    /not ready: audit log: gone/,
  )
  for (const [seconds, says] of [
    [300, /\b(?:299|300|301) s behind the server’s/],
    [-300, /\b(?:299|300|301) s ahead of the server’s/],
  ] as const) {
    const date = new Date(Date.now() + seconds * 1000).toUTCString()
    const late = await examine([...elsewhere(), '--server', await standIn(t, { ready: true }, { date })])
    assert.equal(late.of('clock')?.state, 'fail')
    assert.match(late.of('clock')?.says ?? '', /\d+ s (?:behind|ahead of) the server’s/)
    assert.match(late.of('clock')?.says ?? '', seconds > 0 ? /behind/ : /ahead/, String(says))
  }
})

test('a certificate that this machine does not trust is named, with how to trust one’s own', async () => {
  const { of, exitCode } = await examine([...elsewhere(), '--server', `https://${stage.git.dial}`])
  assert.equal(exitCode, 1)
  assert.match(of('server')?.says ?? '', /does not answer: .*certificate/i)
  assert.match(of('server')?.mend ?? '', /MAYFLY_CA_FILE/)
})

test('in a CI job without an identity token: what the pipeline lacks', async () => {
  const env = { ...bare(), CI: 'true', GITHUB_ACTIONS: 'true', MAYFLY_SERVER: stage.server }
  const { of, exitCode } = await examine(elsewhere(), env)
  assert.equal(exitCode, 1)
  assert.deepEqual(
    [of('identity')?.state, of('identity')?.mend],
    ['fail', 'give the job `permissions: id-token: write`'],
  )
})

test('a job that no role trusts, and one of a stranger', async () => {
  const job = (claims: Record<string, unknown>) => ({
    ...bare(),
    ...stage.jobEnvironment(claims),
    HOME: home,
  })
  const ours = await examine(elsewhere(), job({ event_name: 'schedule' }))
  assert.match(ours.of('identity')?.says ?? '', /vouches for this job, and no role trusts it/)
  const stranger = await examine(elsewhere(), job({ repository_owner_id: '1', repository_id: '2' }))
  assert.equal(stranger.of('identity')?.state, 'fail')
  assert.equal(stranger.of('gateway')?.state, 'skip')
})

test('no bubblewrap: steps cannot be isolated, and scripts/setup is named', async (t) => {
  const inMounts = ['-Urm', 'sh', '-c', 'mount --bind /dev/null /usr/bin/bwrap && exec "$0" "$@"']
  if (spawnSync('unshare', [...inMounts, 'true']).status !== 0)
    return t.skip('no right to hide bubblewrap in a mount namespace')
  const program = join(projectFolder, 'bin/mayfly')
  const child = spawn('unshare', [...inMounts, program, 'doctor', '--json', ...elsewhere()], {
    cwd: stage.workspace,
    env: bare(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  assert.deepEqual(await once(child, 'close'), [1, null])
  const { findings } = JSON.parse(stdout) as { findings: Finding[] }
  const sandbox = findings.find(({ name }) => name === 'sandbox')
  assert.match(sandbox?.says ?? '', /cannot be isolated/)
  assert.match(sandbox?.mend ?? '', /^bash \/.*\/scripts\/setup, or mayfly doctor --fix$/)
})

test('a runner that has no home is examined all the same', async () => {
  const { HOME: _, XDG_CONFIG_HOME: __, XDG_STATE_HOME: ___, ...homeless } = bare() as Record<string, string>
  mkdirSync(join(home, 'empty'), { recursive: true })
  const { of } = await examine([], homeless)
  assert.equal(of('workspace')?.state, 'ok')
})
