import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { createTestAuthority } from '../certificates.ts'
import { filesWith } from './files.ts'
import { makeLayout, noRegistry, startRegistry, type Registry } from './registry.ts'

const host = 'warehouse.example.org'
const imagesHost = 'registry.example.org'
const admin = 'admin-key-4711'

/** An API that makes keys, and has data for whoever has one. What it was asked is in `asked`. */
const asked: string[] = []
const keys = new Map<string, string>()
const everyKey: string[] = []
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const say = (status: number, body: unknown = {}) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const { method, url = '', headers } = request
  const shown = headers.authorization?.replace('Bearer ', '') ?? ''
  const isKey = [...keys.values()].includes(shown)
  asked.push(`${method} ${url}`)
  if (url === '/data') return void (isKey ? say(200, { orders: 3 }) : say(401))
  // As one that has its clients' keys in what it answers, in a form that nobody knows.
  if (url === '/debug' && isKey) return void say(200, rot13(shown))
  if (headers['x-api-key'] !== admin) return void say(401)
  if (method === 'DELETE') return void say(keys.delete(url.slice('/keys/'.length)) ? 204 : 404)
  await json(request)
  const token = `key-${randomBytes(24).toString('base64url')}`
  const id = `k${everyKey.push(token)}`
  keys.set(id, token)
  say(201, { id, token, expires_in: 600 })
}

const rot13 = (text: string) =>
  text.replace(/[a-z]/gi, (letter) =>
    String.fromCharCode(letter.charCodeAt(0) + (letter.toLowerCase() < 'n' ? 13 : -13)),
  )

const noProgram = (name: string) =>
  spawnSync(name, ['--version']).status === 0 ? false : `${name} is not here`
const skip = noRegistry() || noProgram('skopeo')

let folder: string
let server: Server
let registry: Registry | undefined
let stage: Stage
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-minted-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue('warehouse', [host])
  server = createServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key) },
    (request, response) => {
      void answer(request, response)
    },
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  if (skip === false) registry = await startRegistry(join(folder, 'registry'), imagesHost, 'token')
  const ca = readFileSync(authority.file, 'utf8')
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  stage = await setStage({ policy: (text) => withConnections(text, { dial, ca }) })
  await stage.operate(['secret', 'set', 'warehouse/admin'], admin)
  if (registry !== undefined) await stage.operate(['secret', 'set', 'images/key'], registry.signer.key)
})
after(async () => {
  await stage?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

function withConnections(text: string, place: { dial: string; ca: string }): string {
  const headers = { 'X-Api-Key': '{secret.admin}' }
  const at = `https://${host}`
  const warehouse = {
    kind: 'http',
    url: at,
    ...place,
    credential: {
      'http-issuer': {
        admin: { admin: 'secret:warehouse/admin' },
        mint: { method: 'POST', url: `${at}/keys`, headers, json: { name: '{lease.name}' } },
        extract: { id: '$.id', token: '$.token', expires_in: '$.expires_in' },
        revoke: { method: 'DELETE', url: `${at}/keys/{id}`, headers },
        probe: { method: 'GET', url: `${at}/data`, headers: { Authorization: 'Bearer {token}' } },
      },
    },
  }
  const images = {
    kind: 'oci',
    url: `https://${imagesHost}`,
    dial: registry?.dial,
    ca: registry?.ca,
    credential: { 'registry-token': { key: 'secret:images/key', issuer: 'tokens', service: 'the registry' } },
  }
  const connections = registry === undefined ? { warehouse } : { warehouse, images }
  const lines = Object.entries(connections).map(([name, one]) => `  ${name}: ${JSON.stringify(one)}\n`)
  const grants = [
    'http:get warehouse/data',
    'http:get warehouse/debug',
    'git:read git/octo-org/links',
    'git:push git/octo-org/links@refs/heads/*',
    ...(registry === undefined ? [] : ['oci:push images/octo/app@v*', 'oci:pull images/octo/app@v*']),
  ]
  return text
    .replace(/^connections:\n/m, `connections:\n${lines.join('')}`)
    .replace(/( {2}build:\n(?:.*\n)*? {4}grants:\n)/, `$1${grants.map((one) => `      - ${one}\n`).join('')}`)
}

async function eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 100))
  }
  assert.fail(`never: ${what}`)
}

let runs = 0
const inStep = (script: string): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', 'build', '--', 'bash', '-c', script],
    stage.jobEnvironment({ run_id: `80000${runs++}` }),
  )

interface Entry {
  readonly type: string
  readonly data: {
    readonly connection: string
    readonly kind: string
    readonly means: string
    readonly reason?: string
    readonly proof?: string
  }
}

async function entriesOf(connection: string): Promise<Entry[]> {
  const { stdout } = await stage.operate([
    'audit',
    'find',
    '--data',
    stage.dataFolder,
    '--connection',
    connection,
    '--json',
  ])
  return stdout.startsWith('{') ? (JSON.parse(stdout) as { entries: Entry[] }).entries : []
}

test('a key is made when a step first asks, added on the way, revoked when it ends, tried once more, and all of it is in the log', async () => {
  const ran = await inStep(
    `curl -sS https://${host}/data; curl -sS https://${host}/data; curl -sS https://${host}/keys; env; cat /proc/self/environ`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.equal(ran.stdout.split('{"orders":3}').length, 3, ran.stdout)
  assert.match(ran.stdout, /http:get warehouse\/keys/, 'what is not granted says which grant is missing')
  await eventually('it is tried after it was revoked', () => asked.length === 5)
  assert.deepEqual(asked, ['POST /keys', 'GET /data', 'GET /data', 'DELETE /keys/k1', 'GET /data'])
  assert.equal(keys.size, 0)
  await eventually('its end is in the log', async () =>
    (await entriesOf('warehouse')).some(({ type }) => type === 'lease.revoked'),
  )
  const entries = (await entriesOf('warehouse')).filter(({ type }) => type.startsWith('lease.'))
  assert.deepEqual(
    entries.map(({ type, data: { kind, means, proof } }) => [type, kind, means, proof]),
    [
      ['lease.issued', 'http-issuer', 'at_once', undefined],
      ['lease.revoked', 'http-issuer', 'at_once', 'probed'],
    ],
  )
  for (const secret of [everyKey[0] ?? '', admin]) {
    assert.ok(!`${ran.stdout}${ran.stderr}`.includes(secret))
    assert.deepEqual(filesWith(stage.dataFolder, secret), [])
  }
})

test('a key that the step pushes is revoked at once, whoever may have it, and the step goes on with another', async () => {
  asked.length = 0
  const before = everyKey.length
  const data = `curl -sS https://${host}/data`
  const ran = await inStep(`
    git clone -q https://git.example.com/octo-org/links .
    curl -sS https://${host}/debug | tr -d '"' | tr A-Za-z N-ZA-Mn-za-m > notes.txt
    git add -A; git -c user.name=ci -c user.email=ci@example.com commit -q -m notes
    git push origin HEAD:refs/heads/notes || echo refused
    ${data}`)
  const [first = '', second = '', ...more] = everyKey.slice(before)
  assert.match(ran.stdout, /refused\n\{"orders":3\}/, ran.stdout + ran.stderr)
  assert.match(
    ran.stderr,
    /remote: .*notes\.txt:1: the credential that a step was given for connection "warehouse"/,
  )
  assert.match(ran.stderr, /remote: .*the credential for connection "warehouse" \(lease lse_\w+\) is revoked/)
  assert.ok(first.length > 20 && second.length > 20 && more.length === 0)
  for (const key of [first, second]) assert.ok(!ran.stderr.includes(key.slice(0, 12)))
  const revoked = (count: number) => asked.indexOf(`DELETE /keys/k${before + count}`)
  assert.ok(revoked(1) >= 0 && revoked(1) < revoked(2), asked.join(' '))
  await eventually('both are dead', () => keys.size === 0)
  await eventually('it is in the log', async () =>
    (await entriesOf('warehouse')).some(({ data: { reason } }) => reason === 'found_in_what_is_sent'),
  )
})

test('an API that does not make one is told to the step in one line, without its words’ secrets', async () => {
  await stage.operate(['secret', 'set', 'warehouse/admin'], 'admin-key-of-another')
  const ran = await inStep(`curl -sS https://${host}/data`)
  await stage.operate(['secret', 'set', 'warehouse/admin'], admin)
  assert.match(ran.stdout, /connection "warehouse".*answers 401 to the request for a credential/)
  assert.ok(!ran.stdout.includes('admin-key-of-another'))
})

test('skopeo pushes and pulls with tokens that Mayfly signs, and has none', { skip }, async () => {
  const image = `docker://${imagesHost}/octo/app:v1`
  const ran = await inStep(
    `${makeLayout} set -e; layout in 100000; skopeo copy --preserve-digests oci:in:x ${image}; skopeo copy --preserve-digests ${image} oci:out:x; echo digest $digest`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.equal(registry?.tag('octo/app', 'v1'), /digest (sha256:\w+)/.exec(ran.stdout)?.[1])
  assert.deepEqual(registry?.scopes, [], 'nobody else was asked for a token')
})
