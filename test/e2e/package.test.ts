import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test, type TestContext } from 'node:test'
import { startIssuer, type CiIssuer } from '../../demo/peers/issuer.ts'
import { baseEnvironment, projectFolder } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

// What `npm pack` gives, installed where there is nothing else, started as the package's user would.
let folder: string
let installed: string
let skipped: string | undefined
let issuer: CiIssuer

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-package-'))
  chmodSync(folder, 0o755)
  installed = join(folder, 'empty')
  mkdirSync(installed)
  issuer = await startIssuer()
  const env = baseEnvironment()
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: projectFolder,
    env,
    stdio: 'ignore',
  })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  const ran = spawnSync(
    'npm',
    ['install', '--prefix', installed, '--prefer-offline', join(folder, tarball)],
    {
      cwd: installed,
      env,
      encoding: 'utf8',
    },
  )
  if (ran.status !== 0 && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(ran.stderr))
    skipped = 'no npm registry can be reached'
  else assert.equal(ran.status, 0, ran.stderr)
  assert.doesNotMatch(ran.stderr, /EBADENGINE/)
})
after(async () => {
  await issuer.close()
  rmSync(folder, { recursive: true, force: true })
})

const isRoot = process.getuid?.() === 0
const nobody = 65534
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--']

/** The program that npm linked, with a bare environment and a home of its own. */
function start(prefix: readonly string[], home: string, args: readonly string[], more = {}): ChildProcess {
  const [program = '', ...rest] = [...prefix, join(installed, 'node_modules/.bin/mayfly'), ...args]
  const env = { PATH: process.env['PATH'], HOME: home, ...more }
  return spawn(program, rest, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ran(child: ChildProcess): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [exitCode] = (await once(child, 'close')) as [number]
  return { exitCode, stdout, stderr }
}

/** Server and one step, all from the package, by this user; returns where the server keeps its data. */
async function upAndRun(prefix: readonly string[], home: string, up: readonly string[]): Promise<string> {
  const ports = ['--port', '0', '--gateway-port', '0', '--audit-port', '0']
  const server = start(prefix, home, ['up', ...ports, '--json', ...up])
  try {
    let said = ''
    server.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
    const line = await Promise.race([
      new Promise<string>((done) => {
        if (server.stdout !== null) createInterface({ input: server.stdout }).once('line', done)
      }),
      once(server, 'close').then(() => Promise.reject(new Error(said))),
    ])
    const { url, data, operator_token } = JSON.parse(line) as Record<string, string>
    const policy = join(home, 'mayfly.yaml')
    writeFileSync(
      policy,
      `issuers: { ci: { kind: github-actions, url: ${JSON.stringify(issuer.url)}, owner_id: "65781" } }
connections: { npm: { kind: npm, url: https://registry.example.com } }
roles:
  build:
    trust: { issuer: ci, repository_id: "1296269" }
    grants: [npm:install npm]
`,
    )
    const operator = { MAYFLY_SERVER: url, MAYFLY_TOKEN: operator_token }
    const applied = await ran(start(prefix, home, ['apply', policy], operator))
    assert.equal(applied.exitCode, 0, applied.stderr)
    const workspace = join(home, 'workspace')
    mkdirSync(workspace)
    if (prefix.length > 0) chownSync(workspace, nobody, nobody)
    const job = { ...issuer.jobEnvironment(), MAYFLY_SERVER: url, CI: 'true' }
    const args = ['run', '--role', 'build', '--workspace', workspace, '--', 'sh', '-c', 'echo made > made']
    const step = await ran(start(prefix, home, args, job))
    assert.equal(step.exitCode, 0, step.stderr)
    assert.equal(readFileSync(join(workspace, 'made'), 'utf8'), 'made\n')
    return data ?? ''
  } finally {
    server.kill('SIGTERM')
    if (server.exitCode === null) await once(server, 'close')
  }
}

function homeFor(t: TestContext, owner?: number): string {
  const home = mkdtempSync(join(folder, 'home-'))
  if (owner !== undefined) chownSync(home, owner, owner)
  t.after(() => rmSync(home, { recursive: true, force: true }))
  return home
}

test('the package brings what it needs and nothing to build with; its own Node runs it', async (t) => {
  if (skipped !== undefined) return t.skip(skipped)
  const packages = readdirSync(join(installed, 'node_modules')).filter((name) => !name.startsWith('.'))
  assert.deepEqual(
    packages.filter((name) => !name.startsWith('node-linux-')),
    ['@cedar-policy', '@pgsql', 'libpg-query', 'mayfly'],
  )
  assert.ok(existsSync(join(installed, 'node_modules/mayfly/scripts/setup')), 'what doctor --fix runs')
  const { exitCode, stdout } = await ran(start([], homeFor(t), ['--version']))
  assert.equal(exitCode, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\nNode 26\.\d+\.\d+, the package’s own\n$/)
})

test('the package as this user: up, apply and a step', async (t) => {
  if (skipped !== undefined) return t.skip(skipped)
  const home = homeFor(t)
  await upAndRun([], home, ['--data', join(home, 'data')])
})

test('the package as an ordinary user, its data in that user’s state folder', slow, async (t) => {
  if (skipped !== undefined) return t.skip(skipped)
  if (!isRoot) return t.skip('the test before this one is by an ordinary user')
  const [program = '', ...rest] = asNobody
  if (spawnSync(program, [...rest, 'unshare', '-Ur', 'true']).status !== 0)
    return t.skip('ordinary users cannot make user namespaces here')
  const home = homeFor(t, nobody)
  assert.equal(await upAndRun(asNobody, home, []), join(home, '.local/state/mayfly'))
  assert.ok(existsSync(join(home, '.local/state/mayfly/audit/checkpoint')))
})

/** The launcher in a package of its own, with these programs in its PATH. */
function launch(t: TestContext, programs: Record<string, string>, modules: readonly string[] = []) {
  const place = mkdtempSync(join(folder, 'launch-'))
  t.after(() => rmSync(place, { recursive: true, force: true }))
  const own = join(place, 'node_modules/mayfly')
  mkdirSync(join(own, 'bin'), { recursive: true })
  mkdirSync(join(own, 'dist'))
  copyFileSync(join(projectFolder, 'bin/mayfly'), join(own, 'bin/mayfly'))
  writeFileSync(join(own, 'dist/mayfly.js'), '')
  const script = (file: string, text: string) => {
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
  for (const [name, text] of Object.entries(programs)) script(join(place, 'path', name), text)
  for (const name of modules) script(join(place, 'node_modules', name, 'bin/node'), 'echo its own')
  const env = { PATH: join(place, 'path') }
  return spawnSync(join(own, 'bin/mayfly'), ['run', '--', 'true'], { encoding: 'utf8', env })
}

test('without its own Node: the machine’s if new enough, else one line that says what to install', (t) => {
  const ofVersion = (version: string) => ({
    node: `[ "$1" = --version ] && echo ${version} || echo the machine’s`,
  })
  for (const version of ['v26.0.0', 'v30.1.2'])
    assert.equal(launch(t, ofVersion(version)).stdout, 'the machine’s\n')
  for (const [programs, has] of [
    [ofVersion('v20.19.0'), 'v20.19.0'],
    [ofVersion('nonsense'), 'nonsense'],
    [{ node: 'exit 1' }, 'none'],
    [{}, 'none'],
  ] as const) {
    const { status, stderr } = launch(t, programs)
    assert.equal(status, 125)
    assert.match(
      stderr,
      new RegExp(`^mayfly: this needs Node 26, and here is ${has}\\. .*--include=optional.*nodejs\\.org\n$`),
    )
  }
})

test('its own Node goes before the machine’s, but not one for another processor', (t) => {
  const mine = process.arch === 'arm64' ? 'arm64' : 'x64'
  const other = mine === 'x64' ? 'arm64' : 'x64'
  const machine = { node: '[ "$1" = --version ] && echo v26.0.0 || echo the machine’s' }
  assert.equal(launch(t, machine, [`node-linux-${mine}`]).stdout, 'its own\n')
  if (!existsSync(other === 'x64' ? '/lib64/ld-linux-x86-64.so.2' : '/lib/ld-linux-aarch64.so.1'))
    assert.equal(launch(t, machine, [`node-linux-${other}`]).stdout, 'the machine’s\n')
})

test('a clone builds itself at its first start, or says that npm ci is missing', slow, (t) => {
  const clone = join(folder, 'clone')
  t.after(() => rmSync(clone, { recursive: true, force: true }))
  for (const name of ['bin', 'scripts', 'src', 'package.json', 'tsconfig.json'])
    cpSync(join(projectFolder, name), join(clone, name), { recursive: true })
  const first = () =>
    spawnSync(join(clone, 'bin/mayfly'), ['--version'], { encoding: 'utf8', env: baseEnvironment() })
  if (first().stderr.includes('this needs Node')) t.diagnostic('the machine’s Node is too old to see more')
  else assert.match(first().stderr, /clone without its dependencies: run npm ci in/)
  symlinkSync(join(projectFolder, 'node_modules'), join(clone, 'node_modules'))
  const built = first()
  assert.equal(built.status, 0, built.stderr)
  assert.match(built.stdout, /^\d+\.\d+\.\d+\n/)
  assert.equal(first().stderr, '', 'the second time there is nothing to build')
})

test('what is published says what it needs: only what the bundle leaves outside is a dependency', () => {
  const manifest = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
    dependencies: object
    scripts: Record<string, string>
  }
  assert.deepEqual(Object.keys(manifest.dependencies), ['@cedar-policy/cedar-wasm', 'libpg-query'])
  assert.equal(manifest.scripts['prepack'], manifest.scripts['build'])
  assert.match(
    readFileSync(join(projectFolder, 'dist/LICENCES.txt'), 'utf8'),
    /^fastify \d+\.\d+\.\d+, MIT$/m,
  )
})
