import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'

// Values are planted on every way that a secret takes, errors among them. Afterwards nothing that Mayfly wrote, said or started
// has one of them, in any form in which it could be read.

/** What it is called, and the value: with characters that URLs, JSON and shells write differently. */
const planted = new Map<string, string>()
function plant(name: string, form = (random: string) => `pl"nt/${random}+ü=&x`): string {
  const value = form(randomBytes(15).toString('hex'))
  planted.set(name, value)
  return value
}

/** As it is, and as it stands in URLs, JSON, hex, and base64 wherever it may begin there. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value)
  const base64 = [0, 1, 2].flatMap((skipped) => {
    const text = Buffer.concat([Buffer.alloc(skipped), bytes])
      .toString('base64')
      .replaceAll('=', '')
    // Those at the edges are of what stands beside it, too.
    const own = text.slice(skipped === 0 ? 0 : 4, -2)
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const hex = bytes.toString('hex')
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    hex,
    hex.toUpperCase(),
    ...base64,
  ]
}

const places: { readonly where: string; readonly bytes: Buffer }[] = []
const saw = (where: string, text: string | Buffer) => void places.push({ where, bytes: Buffer.from(text) })

function found(): string[] {
  return [...planted].flatMap(([name, value]) => {
    const forms = formsOf(value).map((form) => Buffer.from(form))
    const where = places.filter(({ bytes }) => forms.some((form) => bytes.includes(form)))
    return where.map((one) => `${name} in ${one.where}`)
  })
}

const begun = Date.now()
const own = mkdtempSync(join(tmpdir(), 'planted-values-'))
const token = plant('the token of a store', (random) => `hvs.${random}`)
const admin = plant('the secret of an issuer', (random) => `admin-${random}`)
const minted = plant('a minted password', (random) => `minted-${random}`)

/** An issuer that makes accounts, or fails and repeats what it was sent; a store that refuses, and repeats the token. */
const api = createServer((request, response) => {
  const answer = (status: number, body: unknown) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const headers = JSON.stringify(request.headers)
  if (request.url?.startsWith('/v1/') === true) answer(403, { errors: [headers] })
  else if (request.url === '/broken') answer(500, { error: headers, password: minted })
  else if (request.method === 'DELETE') answer(200, {})
  else answer(201, { id: 'a1', username: 'ann', password: minted, expires_in: 600 })
})

let stage: Stage
before(async () => {
  await new Promise<void>((done) => api.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  const program = join(own, 'program')
  writeFileSync(program, `#!/bin/sh\ncat ${join(own, 'printed')} >&2\nexit 1\n`)
  writeFileSync(join(own, 'printed'), plant('what a program writes to standard error'))
  chmodSync(program, 0o755)
  mkdirSync(join(own, 'mounted'))
  const headers = '{ Authorization: "Bearer {secret.admin}" }'
  const accounts = (name: string, path: string) => `  ${name}:
    kind: tcp
    url: tcp://${name}.internal:5432
    dial: 127.0.0.1:1
    credential:
      http-issuer:
        admin: { admin: secret:admin }
        mint: { method: POST, url: "${url}${path}", headers: ${headers}, json: { ttl: "{lease.ttl}" } }
        extract: { id: $.id, username: $.username, password: $.password, expires_in: $.expires_in }
        revoke: { method: DELETE, url: "${url}/accounts/{id}", headers: ${headers} }
    deliver: { files: { .pgpass: "{username}:{password}\\n" } }
`
  const injected = (name: string, credential: string) =>
    `  ${name}: { kind: http, url: "https://${name}.internal", dial: "127.0.0.1:1", credential: ${credential} }\n`
  const connections = [
    accounts('orders', '/accounts'),
    accounts('broken', '/broken'),
    ...bad.map((name) =>
      injected(name, name === 'nocolon' ? '{ basic: secret:nocolon }' : `{ bearer: secret:${name} }`),
    ),
  ].join('')
  const grants = ['orders', 'broken'].map((name) => `tcp:credential ${name}`)
  stage = await setStage({
    withoutSecret: true,
    upArguments: ['--secret-files', `mounted=${join(own, 'mounted')}`, '--secret-command', `pass=${program}`],
    policy: (text) =>
      `${text.replace(/^connections:\n/m, `connections:\n${connections}`)}${roles(grants)}secret_stores:
  mounted: { kind: file, folder: mounted }
  pass: { kind: command, command: pass }
  bao: { kind: openbao, url: "${url}", auth: { token: secret:bao } }
secrets:
  git: { store: mounted, path: git }
  refused: { store: bao, path: x }
  printed: { store: pass, path: x }
`,
  })
  planted.set('the credential of the Git server', stage.git.credential.split(':')[1] ?? '')
  writeFileSync(join(own, 'mounted', 'git'), stage.git.credential)
})
after(async () => {
  api.close()
  api.closeAllConnections()
  await stage[Symbol.asyncDispose]()
  rmSync(own, { recursive: true, force: true })
})

/** Connections whose secrets are of no use. */
const bad = ['nocolon', 'spaced', 'refused', 'printed']

function roles(minted: readonly string[]): string {
  const trust = 'trust: { issuer: ci, repository_id: "1296269", event: push }'
  const role = (name: string, grants: readonly string[]) =>
    `  ${name}:\n    ${trust}\n    grants: ${JSON.stringify(grants)}\n`
  return [
    ...minted.map((grant) => role(`r-${grant.split(' ')[1]}`, [grant])),
    role(
      'r-bad',
      bad.map((name) => `http:get ${name}/**`),
    ),
  ].join('')
}

/** Arguments and environments of every process there is, a few times a second. */
function watchProcesses(): () => void {
  const seen = new Set<string>()
  const look = () => {
    for (const pid of readdirSync('/proc').filter(
      (name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid,
    ))
      for (const file of ['cmdline', 'environ'])
        try {
          const bytes = readFileSync(`/proc/${pid}/${file}`)
          const key = `${file} ${bytes.toString('latin1')}`
          if (!seen.has(key)) saw(`/proc/PID/${file} of ${bytes.subarray(0, 60).toString('latin1')}`, bytes)
          seen.add(key)
        } catch {
          // It has ended, or is somebody else's.
        }
  }
  const timer = setInterval(look, 100)
  return () => clearInterval(timer)
}

function readAll(folder: string, only = (_: string) => true): void {
  for (const name of readdirSync(folder).filter(only)) {
    const path = join(folder, name)
    try {
      const stat = statSync(path)
      if (stat.isDirectory()) readAll(path)
      else if (stat.isFile() && stat.mtimeMs >= begun - 1_000 && stat.size < 100_000_000)
        saw(path, readFileSync(path))
    } catch {
      // It is gone, or somebody else's.
    }
  }
}

async function operate(args: readonly string[], input: string, expected: number): Promise<void> {
  const { exitCode, stdout, stderr } = await stage.operate(args, input)
  assert.equal(exitCode, expected, `${args.join(' ')}: ${stderr}`)
  saw(`what mayfly ${args.slice(0, 2).join(' ')} said`, stdout + stderr)
}

/** The API, without a process of the command line for each. */
async function call(method: string, path: string, body: unknown, works = false): Promise<void> {
  const response = await fetch(`${stage.server}${path}`, {
    method,
    headers: { authorization: `Bearer ${stage.operatorToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  saw(`the answer to ${method} ${path}`, JSON.stringify([...response.headers]) + text)
  assert.equal(response.ok, works, `${method} ${path}: ${text}`)
}

const give = (name: string, value: string) =>
  call('PUT', `/v1/secrets/${name}`, { value, multiline: true }, true)

let runs = 0
async function step(role: string, script: string, works = false): Promise<void> {
  const ran = await stage.runJob(
    ['run', '--role', role, '--', 'sh', '-c', script],
    // Each a run of its own: their roles may not share a workspace.
    stage.jobEnvironment({ event_name: 'push', run_id: `9${++runs}` }),
  )
  saw(`what the step in ${role} said`, ran.stdout + ran.stderr)
  assert.equal(ran.exitCode === 0, works, `${role}: ${ran.stderr}`)
}

test('no planted value is anywhere but sealed', { timeout: 170_000 }, async () => {
  const stop = process.platform === 'linux' ? watchProcesses() : () => undefined
  // Given, in every way.
  await operate(['secret', 'set', 'one'], plant('a set value'), 0)
  await give('one', plant('a newer value'))
  await give('bao', token)
  await give('admin', admin)
  await give('nocolon', plant('a value of another form'))
  await give(
    'spaced',
    plant('a value with spaces', (random) => `two words ${random}`),
  )
  await give(
    'lines',
    plant('several lines', (random) => `first ${random}\nsecond ${random}`),
  )
  const [env, json] = [join(own, 'a.env'), join(own, 'a.json')]
  writeFileSync(env, `A='${plant('a value of .env')}'\n`)
  await operate(['secret', 'import', env], '', 0)
  await call('POST', '/v1/secrets', { secrets: [{ name: 'x/y', value: plant('an imported value') }] }, true)
  // Refused, in every way.
  await operate(
    ['secret', 'set', 'one'],
    plant('a refused value', (random) => `${random}\n${random}`),
    2,
  )
  writeFileSync(env, `A=ok\n${plant('a broken line', (random) => random)}\n`)
  await operate(['secret', 'import', env], '', 2)
  writeFileSync(json, `{"a": ${plant('broken JSON', (random) => `x${random}`)}}`)
  await operate(['secret', 'import', json], '', 2)
  await call('PUT', '/v1/secrets/two', `{"value": "${plant('a broken body', (random) => random)}`)
  await call('PUT', '/v1/secrets/two', { value: [plant('a body of another form')] })
  await call('PUT', '/v1/secrets/two', { value: 'x', [plant('a key', (random) => random)]: 1 })
  await call('PUT', '/v1/secrets/two', { value: plant('a long value').repeat(2_000) })
  await call('PUT', '/v1/secrets/git', { value: plant('a value for another store') })
  await call('POST', '/v1/secrets', { secrets: [{ name: 'X', value: plant('a refused import') }] })
  // Used: injected from another store, minted; and what fails on the way.
  await step('build', 'git ls-remote https://git.example.com/octo-org/links', true)
  await step('r-orders', 'test -s ~/.pgpass', true)
  await step('r-broken', 'test -s ~/.pgpass')
  await step('r-bad', `for name in ${bad.join(' ')}; do curl -sS https://$name.internal/; done; false`)
  // Changed, and gone.
  await call('POST', '/v1/secrets/one/restore', { version: 1 }, true)
  await call('POST', '/v1/secrets/one/move', { to: 'three' }, true)
  await call('GET', '/v1/secrets', undefined, true)
  await call('DELETE', '/v1/secrets/lines', {}, true)
  await call('POST', '/v1/secrets/three/destroy', {}, true)
  stop()
  saw('what mayfly up said', stage.up.said())
  readAll(stage.dataFolder)
  readAll(stage.workspace)
  readAll('/dev/shm')
  // Core files, too, are in one of these.
  readAll(process.cwd(), (name) => name.startsWith('core'))
  readAll(tmpdir(), (name) => name.startsWith('mayfly-') && !stage.folder.endsWith(name))
  assert.ok(places.some(({ where }) => where.endsWith('mayfly.db-wal') || where.endsWith('mayfly.db')))
  assert.ok(places.some(({ where }) => where.includes('cmdline')) || process.platform !== 'linux')
  // What was to fail has failed where it was to, and somebody was told.
  const said = places.map(({ bytes }) => bytes.toString('latin1')).join('\n')
  for (const part of [
    'is not user:password',
    'is not one token without spaces',
    'store "bao"',
    'store "pass" (command): its program ended with exit code 1',
    'lease.issued',
    'secretStore',
  ])
    assert.ok(
      said.includes(part) || said.includes(JSON.stringify(part).slice(1, -1)),
      `nothing says: ${part}`,
    )
  assert.deepEqual(found(), [])
  // And the search finds what is there.
  saw('a place', `x${Buffer.from(`user:${admin}`).toString('base64')}`)
  assert.deepEqual(found(), ['the secret of an issuer in a place'])
})
