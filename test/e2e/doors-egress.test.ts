import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openWorld } from '../../src/gateway/gateway.fixture.ts'
import { planDoors } from '../../src/runner/doors.ts'
import { createRelay } from '../../src/runner/relay.ts'
import { openBench, temporaryFolder } from '../../src/runner/sandbox/sandbox.fixture.ts'
import { startPostgres } from './postgres.ts'

interface Said {
  readonly code: number
  readonly text: string
  /** Lines for the developer. */
  readonly told: readonly string[]
}

/**
 * Runs a script in the real sandbox, whose doors lead through the real relay and the real gateway; only the gateway's last step,
 * to the hosts of the egress list, ends at a server of the test.
 */
async function throughDoors(
  t: TestContext,
  egress: Readonly<Record<string, number>>,
  script: string,
  { named = Object.keys(egress), workspace }: { named?: readonly string[]; workspace?: string } = {},
): Promise<Said | undefined> {
  const world = await openWorld(t, {
    role: { egress: Object.keys(egress) },
    guard: {
      async dial({ host, port }) {
        const socket = connect(egress[`${host}:${port}`] ?? 0, '127.0.0.1')
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        return socket
      },
    },
  })
  const doors = planDoors(named, [])
  const told: string[] = []
  const relay = createRelay({
    step: {
      step_id: world.step.id,
      run_id: 'run_1',
      access_token: world.tokenOf(world.step),
      expires_in: 300,
      heartbeat_seconds: 10,
      ca_certificate: '',
      grants: [],
      gateway: world.gateway.url,
      connections: [],
      egress: named,
    },
    signer: world.signer,
    tell: (line) => told.push(line),
    beforeRegistry: () => Promise.resolve(),
    holdsSecret: () => false,
  })
  t.after(() => relay.close())
  const places = [...doors.ways.keys()]
  const bench = await openBench(t, workspace, undefined, { doors: { places, hosts: doors.hosts } })
  if (bench === undefined) return undefined
  const sandbox = bench.start(['/bin/bash', '-c', `exec 2>&1; ${script}`], {}, (listener, place) =>
    relay.serve(listener, doors.ways.get(place) ?? { to: 'proxy' }),
  )
  let text = ''
  sandbox.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return { code: await sandbox.exit, text, told }
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('psql reaches a database of the egress list by its name and port', async (t) => {
  using postgres = await startPostgres()
  if (postgres === undefined) return t.skip('no PostgreSQL on this machine')
  const said = await throughDoors(
    t,
    { 'db.example.org:5432': postgres.port },
    `${postgres.psql} -h db.example.org -U ci -d postgres -Atc 'select 6*7'`,
  )
  if (said !== undefined) assert.deepEqual(said, { code: 0, text: '42\n', told: [] })
})

test('ssh hears the server’s greeting by its door on port 22, without a ProxyCommand', async (t) => {
  if (!existsSync('/usr/bin/ssh')) return t.skip('no ssh on this machine')
  let heard = ''
  const port = await listen(
    t,
    // A STUB of an SSH server: the greeting, which comes before the client's (RFC 4253, section 4.2), and no more.
    createServer((socket) => {
      socket.on('error', () => undefined).write('SSH-2.0-MayflyTest\r\n')
      socket.once('data', (chunk: Buffer) => {
        heard = String(chunk)
        socket.destroy()
      })
    }),
  )
  const said = await throughDoors(
    t,
    { 'ssh.example.org:22': port },
    'ssh -v -F /dev/null -o ProxyCommand=none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null git@ssh.example.org true',
  )
  if (said === undefined) return
  assert.match(said.text, /remote software version MayflyTest/)
  assert.match(heard, /^SSH-2\.0-OpenSSH/)
})

test('a plain http:// URL on port 80, and the same host on another port', async (t) => {
  const answers = (text: string) =>
    createHttpServer((request, response) => void response.end(`${text} for ${request.headers.host}\n`))
  const [plain, other] = [await listen(t, answers('plain')), await listen(t, answers('other'))]
  const said = await throughDoors(
    t,
    { 'deb.example.org:80': plain, 'deb.example.org:8080': other },
    `curl -sS http://deb.example.org/ http://deb.example.org:8080/; https_proxy= http_proxy=http://127.0.0.1:3128 curl -sS http://deb.example.org/`,
  )
  if (said === undefined) return
  assert.equal(
    said.text,
    'plain for deb.example.org\nother for deb.example.org:8080\nplain for deb.example.org\n',
  )
})

test('a static Go program finds a host by its door', async (t) => {
  const go = ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path))
  if (go === undefined) return t.skip('no Go on this machine')
  const workspace = temporaryFolder(t)
  writeFileSync(
    join(workspace, 'hear.go'),
    `package main
     import ("net"; "os")
     func main() {
       c, err := net.Dial("tcp", os.Args[1])
       if err != nil { println(err.Error()); os.Exit(1) }
       said := make([]byte, 100)
       n, _ := c.Read(said)
       println(string(said[:n]))
     }`,
  )
  // Go compiles its own library at the first use, which takes a while: once a machine.
  const cache = join(tmpdir(), `mayfly-test-go-cache-${process.getuid?.() ?? 0}`)
  const env = { PATH: '/usr/bin:/bin', HOME: workspace, GOCACHE: cache, CGO_ENABLED: '0', GO111MODULE: 'off' }
  execFileSync(go, ['build', '-o', 'hear', 'hear.go'], { env, cwd: workspace })
  const port = await listen(
    t,
    createServer((socket) => socket.on('error', () => undefined).end('hello')),
  )
  const said = await throughDoors(t, { 'files.example.org:6379': port }, './hear Files.Example.org:6379', {
    workspace,
  })
  if (said !== undefined) assert.deepEqual(said, { code: 0, text: 'hello\n', told: [] })
})

test('a host that the gateway no longer allows is a connection that is closed, and one line', async (t) => {
  const said = await throughDoors(
    t,
    { 'deb.example.org:80': 1 },
    'for i in 1 2 3; do curl -sS http://gone.example.org/; echo $?; done',
    { named: ['gone.example.org:80'] },
  )
  if (said === undefined) return
  // 52 and 56: closed before an answer, by an end or by a reset.
  assert.match(said.text.replaceAll(/^curl: .*\n/gm, ''), /^(?:5[26]\n){3}$/)
  assert.equal(said.told.length, 1)
  assert.match(
    said.told[0] ?? '',
    /^mayfly: refused: gone\.example\.org:80: no connection and no egress rule names this host/,
  )
})

test('a large answer arrives whole when its server closes first', async (t) => {
  const size = 30_000_000
  const port = await listen(
    t,
    createServer((socket) => {
      socket
        .on('error', () => undefined)
        .resume()
        .end(Buffer.alloc(size, 'x'))
    }),
  )
  const said = await throughDoors(
    t,
    { 'files.example.org:9000': port },
    'exec 3<>/dev/tcp/files.example.org/9000; sleep 0.2; wc -c <&3',
  )
  if (said !== undefined) assert.deepEqual(said, { code: 0, text: `${size}\n`, told: [] })
})
