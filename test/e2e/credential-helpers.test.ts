import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, test, type TestContext } from 'node:test'
import { makeCertificate } from '../../demo/peers/git-server.ts'
import { projectFolder, setStage, type Stage } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

/** An API that makes credentials, and everything that takes them: a Git host, a registry, AWS, a cluster, npm. */
const alive = new Map<string, string>()
let made = 0
const seen: string[] = []

function serve(request: IncomingMessage, response: ServerResponse): unknown {
  const url = request.url ?? ''
  const say = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body))
  if (url.startsWith('/mint')) return void mint(request, say)
  seen.push(url)
  return url.startsWith('/git') || url.startsWith('/v2')
    ? withBasic(request, response, say)
    : withToken(request, say)
}

const peers = createServer(serve)
/** kubectl shows no credential without TLS. */
let cluster: TlsServer
let clusterCa = ''
let clusterUrl = ''

type Say = (status: number, body: unknown, headers?: Record<string, string>) => ServerResponse

async function mint(request: IncomingMessage, say: Say): Promise<void> {
  const id = /^\/mint\/(\w+)$/.exec(request.url ?? '')?.[1]
  if (request.method === 'DELETE') return void say(alive.delete(id ?? '') ? 200 : 404, {})
  await buffer(request)
  const name = `user${++made}`
  alive.set(name, `tok-${name}-${'x'.repeat(20)}`)
  const token = alive.get(name)
  const keys = { access_key_id: `AKIA${name.toUpperCase()}`, secret_access_key: token, session_token: token }
  say(201, { id: name, username: name, password: token, token, ...keys, expires_in: 300 })
}

function withBasic(request: IncomingMessage, response: ServerResponse, say: Say): ServerResponse {
  const [, given = ''] = (request.headers.authorization ?? '').split(' ')
  const [user = '', password] = Buffer.from(given, 'base64').toString().split(':')
  if (password === undefined || alive.get(user) !== password)
    return say(401, {}, { 'www-authenticate': 'Basic realm="x"' })
  if (!(request.url ?? '').startsWith('/git')) return say(200, { name: 'octo/app', tags: ['v1'] })
  const line = (text: string) => (text.length + 4).toString(16).padStart(4, '0') + text
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' })
  const ref = `${'a'.repeat(40)} refs/heads/main\0agent=x\n`
  return response.end(`${line('# service=git-upload-pack\n')}0000${line(ref)}0000`)
}

function withToken(request: IncomingMessage, say: Say): ServerResponse {
  const authorization = request.headers.authorization ?? ''
  const isAws = [...alive.keys()].some((name) =>
    authorization.includes(`Credential=AKIA${name.toUpperCase()}/`),
  )
  if (isAws && [...alive.values()].includes(String(request.headers['x-amz-security-token'])))
    return say(
      200,
      '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:x</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
      { 'content-type': 'text/xml' },
    )
  if (![...alive.values()].some((token) => authorization === `Bearer ${token}`)) return say(401, {})
  return say(200, { username: 'octo', gitVersion: 'v1.x' })
}

let stage: Stage
let base = ''
let authority = ''
before(async () => {
  await new Promise<void>((done) => peers.listen(0, '127.0.0.1', done))
  const { ca, cert, key } = await makeCertificate('localhost')
  clusterCa = ca
  cluster = createTlsServer({ cert, key }, serve)
  await new Promise<void>((done) => cluster.listen(0, '127.0.0.1', done))
  clusterUrl = `https://localhost:${(cluster.address() as AddressInfo).port}`
  authority = `127.0.0.1:${(peers.address() as AddressInfo).port}`
  base = `http://${authority}`
  const fields = [
    'id',
    'username',
    'password',
    'token',
    'access_key_id',
    'secret_access_key',
    'session_token',
  ]
  const issuer = `{ http-issuer: { admin: {}, mint: { method: POST, url: "${base}/mint", json: {} }, extract: { ${[...fields, 'expires_in'].map((one) => `${one}: $.${one}`).join(', ')} }, revoke: { method: DELETE, url: "${base}/mint/{id}" } } }`
  const kinds = {
    code: ['git', '/git'],
    images: ['oci', ''],
    cloud: ['http', '/cloud'],
    cluster: ['http', '/k8s'],
    packages: ['npm', '/npm'],
  }
  const connections = Object.entries(kinds)
    .map(
      ([name, [kind = '', path = '']]) =>
        `  ${name}: { kind: ${kind}, url: "${name === 'cluster' ? clusterUrl : base}${path}", credential: ${issuer}, deliver: {} }\n`,
    )
    .join('')
  const grants = Object.entries(kinds).map(([name, [kind = '']]) => `${kind}:credential ${name}`)
  const role = (name: string, more: string) =>
    `  ${name}:\n    trust: { issuer: ci, repository_id: "1296269", event: push }\n    ${more}\n    grants: ${JSON.stringify(grants)}\n`
  stage = await setStage({
    policy: (text) =>
      `${text.replace(/^connections:\n/m, `connections:\n${connections}`)}${role('tools', 'isolation: none')}${role('strict', 'ttl: 10m')}`,
    upArguments: ['--heartbeat-seconds', '1'],
  })
  mkdirSync(join(stage.folder, 'bin'))
  mkdirSync(join(stage.folder, 'run'), { mode: 0o700 })
  for (const name of ['mayfly', 'docker-credential-mayfly'])
    symlinkSync(join(projectFolder, 'bin', name), join(stage.folder, 'bin', name))
})
after(async () => {
  await helper(['end'])
  await stage[Symbol.asyncDispose]()
  peers.close()
  cluster.close()
})

/** One job, whose token the CI makes anew for each that asks. */
let job: Record<string, string> | undefined

const environment = (role = 'tools') => {
  job ??= stage.jobEnvironment({ event_name: 'push' })
  return {
    ...job,
    ...{
      MAYFLY_ROLE: role,
      XDG_RUNTIME_DIR: join(stage.folder, 'run'),
      HOME: stage.folder,
      NO_PROXY: '127.0.0.1',
      no_proxy: '127.0.0.1',
    },
    PATH: `${join(stage.folder, 'bin')}:${job['PATH']}`,
  }
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The server answers in another process, the peers in this one: nothing may wait for a program synchronously. */
function run(
  program: string,
  args: readonly string[],
  { env = {}, input = '', role = 'tools' } = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    env: { ...environment(role), ...env },
    cwd: stage.folder,
    timeout: 60_000,
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (piece) => (out += String(piece)))
  child.stderr.on('data', (piece) => (err += String(piece)))
  child.stdin.on('error', () => undefined).end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

const helper = (args: readonly string[], how = {}) => run('mayfly', ['credential', ...args], how)

function needs(t: TestContext, program: string): boolean {
  const there =
    spawnSync('sh', ['-c', `command -v ${program} && ${program} --version`], { stdio: 'ignore' }).status === 0
  if (!there) t.skip(`${program} is not installed`)
  return there
}

test('two helpers at once start one session, share its lease, and keep no secret on disk', async () => {
  const asked = `protocol=http\nhost=${authority}\npath=git/octo/app.git\n\n`
  const both = await Promise.all([1, 2].map(() => helper(['git', 'get'], { input: asked })))
  for (const { code, out, err } of both) {
    assert.equal(code, 0, err)
    assert.match(out, /^username=user1\npassword=tok-user1-x{20}\npassword_expiry_utc=\d{10}\n$/)
  }
  assert.equal(made, 1)
  const folder = join(stage.folder, 'run', 'mayfly')
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  const left = readdirSync(folder)
  assert.equal(left.length, 2, left.join())
  for (const name of left) assert.ok(statSync(join(folder, name)).size === 0, name)
  // Another host, a store, and an erase of another host are nothing to it.
  const elsewhere = await helper(['git', 'get'], { input: 'protocol=https\nhost=evil.test\n\n' })
  assert.deepEqual([elsewhere.code, elsewhere.out], [0, ''])
  assert.deepEqual((await helper(['git', 'store'], { input: asked })).out, '')
  await helper(['git', 'erase'], { input: 'protocol=https\nhost=evil.test\n\n' })
  assert.match((await helper(['git', 'get'], { input: asked })).out, /^username=user1\n/)
  assert.equal((await helper(['git', 'erase'], { input: asked })).code, 0)
  assert.match((await helper(['git', 'get'], { input: asked })).out, /^username=user2\n/)
  await helper(['git', 'erase'], { input: asked })
  assert.match((await helper(['git', 'get'], { input: asked })).out, /^username=user2\n/, 'once a minute')
  assert.equal(made, 2)
  const odd = await helper(['git', 'get'], { input: `protocol=http\nhost=evil.test\rhost=${authority}\n\n` })
  assert.equal(odd.code, 2)
  assert.equal(odd.out, '')
})

test('git', async () => {
  const args = [
    '-c',
    'credential.helper=',
    '-c',
    'credential.helper=!mayfly credential git',
    '-c',
    'credential.useHttpPath=true',
  ]
  const ran = await run('git', [...args, 'ls-remote', `${base}/git/octo/app.git`], {
    env: { GIT_TERMINAL_PROMPT: '0' },
  })
  assert.equal(ran.out, `${'a'.repeat(40)}\trefs/heads/main\n`, ran.err)
})

test('skopeo, by the name that docker and podman look for as well', async (t) => {
  if (!needs(t, 'skopeo')) return
  const auth = join(stage.folder, 'auth.json')
  writeFileSync(auth, JSON.stringify({ credHelpers: { [authority]: 'mayfly' } }))
  const ran = await run('skopeo', [
    'list-tags',
    '--tls-verify=false',
    '--authfile',
    auth,
    `docker://${authority}/octo/app`,
  ])
  assert.match(ran.out, /"v1"/, ran.err)
  const list = await run('docker-credential-mayfly', ['list'])
  assert.equal(list.out, `{"${authority}":"mayfly"}\n`)
  const unknown = await run('docker-credential-mayfly', ['get'], { input: 'registry.evil.test\n' })
  assert.deepEqual([unknown.code, unknown.out], [1, 'credentials not found in native keychain\n'])
  assert.equal((await run('docker-credential-mayfly', ['store'], { input: '{}' })).code, 1)
  assert.equal((await run('docker-credential-mayfly', ['erase'], { input: authority })).code, 0)
})

// src/cli/credential/protocols.test.ts shows the forms that the two slow ones read, in every `npm test`.
test('the AWS CLI', slow, async (t) => {
  if (!needs(t, 'aws')) return
  const config = join(stage.folder, 'aws-config')
  writeFileSync(
    config,
    '[default]\nregion = eu-central-1\ncredential_process = mayfly credential aws --connection cloud\n',
  )
  const env = { AWS_CONFIG_FILE: config, AWS_EC2_METADATA_DISABLED: 'true' }
  const ran = await run('aws', ['sts', 'get-caller-identity', '--endpoint-url', `${base}/cloud`], { env })
  assert.match(ran.out, /arn:x/, ran.err)
})

test('kubectl, for the cluster that it names and no other', slow, async (t) => {
  if (spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status !== 0)
    return t.skip('kubectl is not installed')
  const kubeconfig = (server: string) => {
    const file = join(stage.folder, 'kubeconfig')
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'mayfly',
      args: ['credential', 'kubectl'],
      interactiveMode: 'Never',
      provideClusterInfo: true,
    }
    writeFileSync(
      file,
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
        contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
        clusters: [
          {
            name: 'x',
            cluster: { server, 'certificate-authority-data': Buffer.from(clusterCa).toString('base64') },
          },
        ],
        users: [{ name: 'x', user: { exec } }],
      }),
    )
    return file
  }
  const get = (server: string) =>
    run('kubectl', ['--kubeconfig', kubeconfig(server), 'get', '--raw', '/version'])
  const ran = await get(`${clusterUrl}/k8s`)
  assert.match(ran.out, /v1\.x/, ran.err)
  const before = seen.length
  const elsewhere = await get(`${clusterUrl}/other`)
  assert.match(elsewhere.err, /hands out no credential for the cluster/)
  assert.equal(seen.length, before)
})

test('npm, by a line in an npmrc', async () => {
  const { out, err } = await helper(['npm'])
  const file = join(stage.folder, 'npmrc')
  writeFileSync(file, out)
  const ran = await run('npm', ['whoami', '--registry', `${base}/npm/`, '--userconfig', file])
  assert.equal(ran.out, 'octo\n', err + ran.err)
})

test('a role that wants isolation hands nothing to a tool without, and a folder of somebody else’s is not used', async () => {
  const strict = await helper(['npm'], { role: 'strict' })
  assert.equal(strict.code, 1)
  assert.match(strict.err, /isolation/)
  const open = join(stage.folder, 'open')
  mkdirSync(join(open, 'mayfly'), { recursive: true, mode: 0o755 })
  const refused = await helper(['npm'], { env: { XDG_RUNTIME_DIR: open } })
  assert.match(refused.err, /not a folder of this user that is closed to others/)
})

test('at the end all of it is revoked, and a killed agent’s is too; the next helper starts another', async () => {
  const alone = { env: { XDG_RUNTIME_DIR: join(stage.folder, 'run2') } }
  mkdirSync(join(stage.folder, 'run2'), { mode: 0o700 })
  const dead = async () => {
    for (let i = 0; alive.size > 0 && i < 800; i++) await new Promise((next) => setTimeout(next, 25))
    assert.deepEqual([...alive.keys()], [])
  }
  assert.equal((await helper(['end'])).code, 0)
  await dead()
  const again = await helper(['end'])
  assert.equal(again.code, 0)
  assert.match(again.err, /nothing was handed out/)
  assert.equal((await helper(['npm'], alone)).code, 0)
  const pids = readdirSync('/proc').filter((pid) => isAgentIn(pid, join(stage.folder, 'run2')))
  assert.equal(pids.length, 1)
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
  await dead()
  assert.equal((await helper(['npm'], alone)).code, 0)
  assert.equal((await helper(['end'], alone)).code, 0)
  await dead()
  assert.equal(existsSync(join(stage.folder, '.docker')), false)
})

function isAgentIn(pid: string, folder: string): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return /^\d+$/.test(pid) && command.includes(`\0credential\0agent\0`) && command.includes(`\0${folder}/`)
  } catch {
    return false
  }
}

test('words that git and docker may learn are answered as their protocols say', async () => {
  assert.deepEqual(await helper(['git', 'capability']), { code: 0, out: '', err: '' })
  assert.match((await helper(['docker', 'version'])).out, /^docker-credential-mayfly \(mayfly\) v\d/)
  const unknown = await helper(['docker', 'frob'])
  assert.deepEqual([unknown.code, unknown.out], [1, 'mayfly: unknown credential action "frob"\n'])
})
