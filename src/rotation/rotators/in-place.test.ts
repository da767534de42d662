import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { rotationSchema } from '../../config/index.ts'
import { Secret } from '../../lib/index.ts'
import { name, setup, startMs } from '../rotation.fixture.ts'

const now = { by: '"ada"', now: true }

async function serve(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> {
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** GitLab as https://docs.gitlab.com/api/personal_access_tokens/ describes it: no GitLab is behind it. */
async function startGitlab(t: TestContext) {
  const gitlab = { alive: 'glpat-first', made: 0, lose: false, fail: false, url: '' }
  gitlab.url = await serve(t, async (request, response) => {
    const isAlive = request.headers['private-token'] === gitlab.alive
    response.statusCode = isAlive ? 200 : 401
    if (gitlab.fail) return void response.destroy()
    if (!isAlive || request.method === 'GET') return void response.end('{}')
    assert.match(request.url ?? '', /^\/personal_access_tokens\/self\/rotate\?expires_at=2026-\d\d-\d\d$/)
    gitlab.alive = `glpat-${++gitlab.made}`
    if (gitlab.lose) return void response.destroy()
    response.end(JSON.stringify({ id: gitlab.made, token: gitlab.alive }))
  })
  const by = rotationSchema.parse({ every: '30d', by: { 'gitlab-token': { api: gitlab.url } } }).by
  return { gitlab, by }
}

test('a token of GitLab: the new one is in use from the moment it is sealed', async (t) => {
  const { gitlab, by } = await startGitlab(t)
  const it = await setup(t, by, { value: 'glpat-first' })
  const server = it.server()
  await server.rotate(name, now)
  await it.settle(server)
  assert.equal(await it.current(), gitlab.alive)
  assert.deepEqual(
    (await it.rows()).map(({ state, proof }) => [state, proof]),
    [['done', 'probed']],
  )
  assert.equal(it.store.find('secret_names', { name })?.dead_version, 1, 'whoever has the old one drops it')
})

test('GitLab’s answer is lost: it is asked again if the old token lives, and a person is called if it does not', async (t) => {
  const { gitlab, by } = await startGitlab(t)
  const it = await setup(t, by, { value: 'glpat-first' })
  const server = it.server()
  gitlab.fail = true
  await server.rotate(name, now)
  await server.sweep()
  gitlab.fail = false
  await it.settle(server)
  assert.equal(await it.current(), 'glpat-1')
  gitlab.lose = true
  await server.rotate(name, now)
  await it.settle(server)
  assert.equal(gitlab.made, 2, 'a dead token is not used to ask again: that would revoke what came of it')
  const lost = (await it.rows()).at(-1)
  assert.equal(lost?.state, 'failed')
  assert.match(lost.failure ?? '', /answer .* was lost, and the old one is dead: make one at the upstream/)
  assert.equal(it.told.at(-1)?.event, 'secret.rotation_failed')
})

test('a password that is changed in place: Mayfly chooses it, so that a lost answer loses nothing', async (t) => {
  const account = { password: 'first-password', lose: false, refuse: false }
  const asked: string[] = []
  const url = await serve(t, async (request, response) => {
    const given = (request.headers.authorization ?? '').slice('Basic '.length)
    const [, password] = Buffer.from(given, 'base64').toString().split(':')
    response.statusCode = password === account.password ? 200 : 401
    if (request.method === 'PUT' && response.statusCode === 200) {
      asked.push((JSON.parse(await text(request)) as { password: string }).password)
      if (account.refuse) response.statusCode = 422
      else account.password = asked.at(-1) ?? ''
    }
    if (request.method === 'PUT' && account.lose) return void response.destroy()
    response.end('{}')
  })
  const headers = { 'content-type': 'application/json' }
  const by = rotationSchema.parse({
    every: '30d',
    by: {
      http: {
        generate: { length: 16, of: ['lower', 'upper', 'digits', '!#'] },
        in_place: true,
        keep: 'robot:{value}',
        create: {
          method: 'PUT',
          url: `${url}/me`,
          headers,
          basic: 'robot:{old.value}',
          json: { password: '{value}' },
        },
        probe: { method: 'GET', url: `${url}/me`, basic: 'robot:{value}' },
      },
    },
  }).by
  const it = await setup(t, by, { value: 'robot:first-password' })
  const server = it.server()
  for (const lose of [false, true]) {
    account.lose = lose
    await server.rotate(name, now)
    await it.settle(server)
    assert.equal(await it.current(), `robot:${account.password}`)
    assert.match(account.password, /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[!#])[A-Za-z0-9!#]{16}$/)
  }
  assert.deepEqual(new Set((await it.rows()).map(({ state }) => state)), new Set(['done']))
  asked.length = 0
  Object.assign(account, { lose: false, refuse: true })
  for (let time = 0; time < 2; time++) {
    await server.rotate(name, now)
    await server.sweep()
  }
  assert.equal(new Set(asked).size, 2, 'what was refused is never asked for again: the next one is another')
  for (const { state, failure, to_version } of (await it.rows()).slice(2)) {
    assert.deepEqual([state, failure], ['failed', 'create: the API answered 422'])
    assert.ok(it.store.find('secrets', { name, version: to_version ?? 0 })?.destroyed_ms)
  }
})

test('a key of a GitHub App: people are told, both keys are probed, a wrong one is taken back', async (t) => {
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [first, second] = [pair(), pair()]
  const known = new Set([first.publicKey])
  const url = await serve(t, async (request, response) => {
    const [head = '', claims = '', signature = ''] = (request.headers.authorization ?? '').slice(7).split('.')
    const { iss } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iss: string }
    const isKnown = [...known].some((key) =>
      verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')),
    )
    response.statusCode = isKnown && iss === '1001' ? 200 : 401
    response.end('{}')
  })
  const pem = (key: typeof first) => key.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const by = rotationSchema.parse({ every: '30d', by: { 'github-app-key': { app_id: 1001, api: url } } }).by
  const it = await setup(t, by, { value: pem(first) })
  const server = it.server()
  it.clock.ms = startMs + 29 * 86_400_000
  await server.sweep()
  assert.deepEqual(
    it.told.map(({ data }) => data['about']),
    ['needs_person'],
  )
  assert.match(String(it.told[0]?.data['reason']), /make one on its settings page/)
  await it.vault.set(name, new Secret(pem(second)))
  await it.settle(server, 12)
  assert.equal((await it.rows())[0]?.state, 'rolled_back', 'GitHub does not know it')
  assert.equal(await it.current(), pem(first))
  known.add(second.publicKey)
  await server.rotate(name, now)
  await server.sweep()
  await it.vault.set(name, new Secret(pem(second)))
  await it.settle(server, 12)
  const second_ = (await it.rows())[1]
  assert.equal(second_?.state, 'retiring', 'the old key is not deleted yet')
  assert.match(second_.failure ?? '', /still works/)
  known.delete(first.publicKey)
  await it.settle(server)
  assert.deepEqual([(await it.rows())[1]?.state, (await it.rows())[1]?.proof], ['done', 'probed'])
})
