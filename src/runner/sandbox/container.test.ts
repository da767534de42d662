import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MayflyError } from '../../lib/index.ts'
import { roleOf } from '../role-facts.fixture.ts'
import { startContainer, type ContainerRequest } from './container.ts'
import { engineEnvironment, findEngine, type ContainerEngine } from './engine.ts'
import { image, prepareImage } from './image.fixture.ts'
import { limitsOf } from './limits/index.ts'
import { temporaryFolder } from './sandbox.fixture.ts'
import type { Sandbox } from './sandbox.ts'

interface Containers {
  readonly workspace: string
  start(
    command: readonly string[],
    more?: Partial<ContainerRequest>,
    accept?: (l: Server, place: string) => void,
    engine?: ContainerEngine,
  ): Sandbox
  sh(
    script: string,
    more?: Partial<ContainerRequest>,
    accept?: (l: Server, place: string) => void,
    engine?: ContainerEngine,
  ): Promise<{ code: number; stdout: string; stderr: string }>
}

function openContainers(t: TestContext): Containers | undefined {
  const why = prepareImage(t)
  if (why !== undefined) {
    t.skip(why)
    return undefined
  }
  const workspace = temporaryFolder(t)
  const start: Containers['start'] = (
    command,
    more = {},
    accept = (listener) => listener.close(),
    engine = findEngine('podman'),
  ) => {
    const asked: ContainerRequest = {
      ...{
        engine: 'podman',
        image,
        workspace,
        tools: [],
        env: {},
        command,
        caCertificate: 'run CA\n',
        covers: [],
      },
      ...{ limits: limitsOf(roleOf('build').limits), withStdin: false },
      doors: { places: ['127.0.0.1:3128', '127.64.0.1:443'], hosts: '127.64.0.1 git.example.com\n' },
      ...more,
    }
    const sandbox = startContainer(asked, engine)
    sandbox.onListener(accept)
    t.after(() => sandbox.kill())
    return sandbox
  }
  return {
    workspace,
    start,
    async sh(script, more, accept, engine) {
      const sandbox = start(['/bin/sh', '-c', script], more, accept, engine)
      let [stdout, stderr] = ['', '']
      sandbox.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
      sandbox.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
      return { code: await sandbox.exit, stdout, stderr }
    },
  }
}

test('a container runs the command in the workspace, as the caller, with exit code, streams and environment', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  const env = { GREETING: "it's\ntwo lines", EMPTY: '' }
  const ran = await it.sh('echo "$GREETING"; echo err >&2; echo made > made; id -u; exit 7', { env })
  assert.deepEqual([ran.code, ran.stderr], [7, 'err\n'])
  assert.equal(ran.stdout, `it's\ntwo lines\n${process.getuid?.()}\n`)
  assert.equal(readFileSync(join(it.workspace, 'made'), 'utf8'), 'made\n')
  assert.equal(statSync(join(it.workspace, 'made')).uid, process.getuid?.())
  assert.equal((await it.sh('no-such-program')).code, 127)
})

test('its one way out is a door that the supervisor holds; there is no other network, and its names are ours', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  const places: string[] = []
  const ran = await it.sh(
    `echo hello | nc 127.0.0.1 3128; grep -c git.example.com /etc/hosts; ls /sys; grep -o '[a-z0-9]*:' /proc/net/dev; nc -w 2 192.0.2.1 80 < /dev/null 2> /dev/null || echo unreachable`,
    {},
    (listener, place) => {
      places.push(place)
      listener.on('connection', (socket) => socket.end('from outside\n')).unref()
      t.after(() => listener.close())
    },
  )
  assert.deepEqual(places.toSorted(), ['127.0.0.1:3128', '127.64.0.1:443'])
  assert.equal(ran.stdout, 'from outside\n1\nlo:\nunreachable\n', ran.stderr)
  await assert.rejects(
    new Promise((_resolve, reject) => connect(3128, '127.64.0.1').once('error', reject)),
    /ECONNREFUSED/,
  )
})

test('it has no capability, no new privileges, our filter, a read-only root, and nothing of the machine', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  mkdirSync(join(it.workspace, '.github/workflows'), { recursive: true })
  writeFileSync(join(it.workspace, '.github/workflows/ci.yml'), 'on: push')
  writeFileSync(join(it.workspace, 'secret'), 'kept')
  const { stdout } = await it.sh(
    `grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
     for f in /x /etc/x .github/workflows/ci.yml .github/workflows/new; do (echo x > $f) 2>/dev/null && echo "wrote $f"; done
     cat secret; unshare -U sh -c : 2>/dev/null && echo namespace; mount -t tmpfs none /tmp 2>/dev/null && echo mounted
     touch s && chmod 4755 s 2>/dev/null && echo setuid; ls /home /root 2>/dev/null | grep -v :; cat /run/mayfly/ca.pem; (echo x > /tmp/x) && echo tmp`,
    { covers: [{ path: 'secret', text: 'covered\n' }] },
  )
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().replace(/\s+/, ' ')),
    [
      'NoNewPrivs: 1',
      'Seccomp: 2',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'covered',
      'step',
      'run CA',
      'tmp',
    ].toSorted((a, b) => order(stdout, a) - order(stdout, b)),
  )
  assert.equal(readFileSync(join(it.workspace, 'secret'), 'utf8'), 'kept')
})

const order = (text: string, line: string) => text.indexOf(line.split(' ').at(-1) ?? '')

test('a kill ends all of it; the container is gone, and the command’s signal is its exit code', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  const sandbox = it.start(['/bin/sh', '-c', 'sleep 600 & echo begun; sleep 600'])
  await new Promise((resolve) => sandbox.stdout.once('data', resolve))
  const first = sandbox.firstProcess()
  assert.ok(first !== undefined)
  sandbox.kill()
  assert.equal(await sandbox.exit, 137)
  assert.equal(existsSync(`/proc/${first}`), false)
  const asked = it.start(['/bin/sh', '-c', 'echo begun; sleep 600'])
  await new Promise((resolve) => asked.stdout.once('data', resolve))
  assert.equal(asked.signal('SIGTERM'), true)
  assert.equal(await asked.exit, 143)
  const left = execFileSync('/usr/bin/podman', ['ps', '-a', '--format', '{{.Names}}'], {
    env: engineEnvironment(),
    encoding: 'utf8',
  })
  assert.doesNotMatch(left, /^mayfly-[0-9a-f]{18}$/m)
})

test('when the supervisor is killed, the container ends', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  const request = {
    ...{
      engine: 'podman',
      image,
      workspace: it.workspace,
      tools: [],
      env: {},
      caCertificate: '',
      covers: [],
    },
    ...{
      command: ['/bin/sh', '-c', 'touch begun; sleep 600'],
      withStdin: false,
      doors: { places: [], hosts: '' },
    },
    limits: limitsOf(roleOf('build').limits),
  }
  const script = `import { startContainer } from ${JSON.stringify(new URL('container.ts', import.meta.url).href)}
    const one = startContainer(${JSON.stringify(request)})
    one.stdout.resume()
    for (;;) { await new Promise((next) => setTimeout(next, 20)); if (one.hasStarted()) break }
    console.log(one.firstProcess())
    await one.exit`
  const supervisor = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => supervisor.kill('SIGKILL'))
  const pid = Number(String(await new Promise((resolve) => supervisor.stdout.once('data', resolve))))
  assert.ok(pid > 0)
  supervisor.kill('SIGKILL')
  for (let tries = 0; existsSync(`/proc/${pid}`); tries++) {
    assert.ok(tries < 1_000, 'it runs on')
    await sleep(20)
  }
})

test('what is said to docker is understood by what speaks its command line: podman, called docker', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  if (process.getuid?.() !== 0) return t.skip('docker’s engine is root')
  const folder = temporaryFolder(t)
  // As the package podman-docker has it.
  writeFileSync(join(folder, 'docker'), '#!/bin/sh\nexec /usr/bin/podman "$@"\n', { mode: 0o755 })
  const engine = findEngine('docker', [folder])
  assert.match(await engine.digestOf(image), /^sha256:[0-9a-f]{64}$/)
  await engine.answers()
  const places: string[] = []
  const ran = await it.sh(
    'echo hello | nc 127.0.0.1 3128; cat /etc/hosts; (echo x > /x) 2>/dev/null || echo read-only; echo made > made; id -u; exit 7',
    { engine: 'docker' },
    (listener, place) => {
      places.push(place)
      listener.on('connection', (socket) => socket.end('from outside\n')).unref()
      t.after(() => listener.close())
    },
    engine,
  )
  assert.equal(ran.code, 7, ran.stderr)
  assert.equal(ran.stdout, 'from outside\n127.64.0.1 git.example.com\nread-only\n0\n')
  assert.equal(places.length, 2)
  assert.equal(readFileSync(join(it.workspace, 'made'), 'utf8'), 'made\n')
  const sleeping = it.start(
    ['/bin/sh', '-c', 'echo begun; sleep 600'],
    { engine: 'docker' },
    undefined,
    engine,
  )
  await new Promise((resolve) => sleeping.stdout.once('data', resolve))
  sleeping.kill()
  assert.equal(await sleeping.exit, 137)
})

test('an engine or an image that is not there is said in one line', async (t) => {
  const missing = (error: unknown) =>
    error instanceof MayflyError && error.code === 'isolation_unavailable' && !error.message.includes('\n')
  assert.throws(
    () => findEngine('docker', [temporaryFolder(t)]),
    (error) => missing(error) && /docker is not installed/.test((error as Error).message),
  )
  const why = prepareImage(t)
  if (why !== undefined) return t.skip(why)
  const engine = findEngine('podman')
  assert.match(await engine.digestOf(image), /^sha256:[0-9a-f]{64}$/)
  await assert.rejects(
    engine.digestOf('localhost/no-such:1'),
    (error) => missing(error) && /a step pulls none/.test((error as Error).message),
  )
})

test('an engine that is there and does not answer is named, not its image', async (t) => {
  const folder = temporaryFolder(t)
  const script =
    '#!/bin/sh\necho "Cannot connect to the Docker daemon at unix:///var/run/docker.sock" >&2\nexit 1\n'
  writeFileSync(join(folder, 'docker'), script, { mode: 0o755 })
  await assert.rejects(
    findEngine('docker', [folder]).digestOf('image:1'),
    /^MayflyError: docker is installed and does not answer \(Cannot connect to .*\): start it/,
  )
})

test('credential files are in the home of a container, follow what is replaced outside, and cannot be changed', async (t) => {
  const it = openContainers(t)
  if (it === undefined) return
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, '.ssh'))
  for (const name of ['.pgpass', '.ssh/id']) writeFileSync(join(folder, name), 'one\n', { mode: 0o600 })
  const credentials = { folder, paths: ['.pgpass', '.ssh/id'] }
  const script = `cat ~/.pgpass ~/.ssh/id; sh -c 'echo x > ~/.pgpass' 2>/dev/null; : > ready
until [ "$(cat ~/.pgpass)" = two ]; do sleep 0.05; done; echo replaced; ls -A`
  const running = it.sh(script, { credentials, env: { HOME: '/home/step' } })
  for (let i = 0; i < 400 && !existsSync(join(it.workspace, 'ready')); i++) await sleep(25)
  writeFileSync(join(folder, 'fresh'), 'two\n', { mode: 0o600 })
  renameSync(join(folder, 'fresh'), join(folder, '.pgpass'))
  assert.deepEqual(await running, { code: 0, stdout: 'one\none\nreplaced\nready\n', stderr: '' })
})
