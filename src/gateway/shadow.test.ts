import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packLockfiles } from '../lockfiles/index.ts'
import { compileRules, openWorld, request } from './gateway.fixture.ts'
import { commit, pushHead, zero } from './git/git.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'

const receive = '/octo/app.git/git-receive-pack'
const push = (ref: string) => Buffer.concat([pushHead([[zero, commit('a'), ref]]), Buffer.from('PACK')])
const entries = (world: Awaited<ReturnType<typeof openWorld>>, type: string) =>
  world.audit.ofType(type).map(({ data }) => data)

test('shadow mode: a push that no grant allows passes, and is recorded before upstream sees it', async (t) => {
  const world = await openWorld(t, { role: { mode: 'shadow' } })
  let recordedFirst = false
  world.upstream.handle = (_request, response) => {
    recordedFirst = entries(world, 'access.shadowed').length === 1
    response.end('ok')
  }
  const { status } = await world.ask(request('POST', receive, { body: push('refs/heads/main') }))
  assert.equal(status, 200)
  assert.equal(recordedFirst, true)
  const operation = { action: 'git:push', connection: 'git', path: 'octo/app', ref: 'refs/heads/main' }
  const [denied] = entries(world, 'access.shadowed')
  assert.deepEqual([denied?.['role'], denied?.['operations']], ['build', [operation]])
  assert.deepEqual(entries(world, 'access.granted')[0]?.['grants'], [], 'no grant is said to have allowed it')
})

test('shadow mode: what a grant allows is not recorded as denied', async (t) => {
  const world = await openWorld(t, { role: { mode: 'shadow' } })
  await world.ask(request('POST', receive, { body: push('refs/heads/dev-1') }))
  assert.deepEqual(entries(world, 'access.shadowed'), [])
})

test('shadow mode: nothing passes that cannot be recorded', async (t) => {
  const world = await openWorld(t, { role: { mode: 'shadow' } })
  world.audit.before = async ({ type }) => {
    if (type === 'access.shadowed') throw new Error('the log is down')
  }
  await world.ask(request('POST', receive, { body: push('refs/heads/main') }))
  assert.equal(world.upstream.begun.length, 0)
})

test('enforce mode: the same push is refused, and its entry says which operation', async (t) => {
  const world = await openWorld(t)
  await world.ask(request('POST', receive, { body: push('refs/heads/main') }))
  assert.equal(world.upstream.begun.length, 0)
  const [denied] = entries(world, 'access.denied')
  assert.deepEqual(denied?.['operations'], [
    { action: 'git:push', connection: 'git', path: 'octo/app', ref: 'refs/heads/main' },
  ])
})

test('shadow mode: of two operations that would do the one that is granted is asked for, and nothing is recorded as denied', async (t) => {
  const host = 'registry.test'
  const upstream = await startUpstream(t, host)
  upstream.handle = (asked, response) => {
    const isConfig = asked.url === '/config.json'
    response.end(JSON.stringify(isConfig ? { dl: `https://${host}/dl` } : { name: 'a', versions: {} }))
  }
  const digest = `sha256:${'a'.repeat(64)}`
  const cases = [
    ['npm', ['npm:install registry'], 'GET /a'],
    ['npm', ['npm:publish registry/b'], 'GET /b'],
    ['cargo', ['cargo:publish registry/a@1.*'], 'GET /config.json'],
    ['cargo', ['cargo:publish registry/abcd@1.*'], 'GET /ab/cd/abcd'],
    ['oci', ['oci:push registry/octo/app@v1'], `HEAD /v2/octo/app/blobs/${digest}`],
  ] as const
  const lock = {
    lockfileVersion: 3,
    packages: { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-YQ==' } },
  }
  for (const [kind, grants, line] of cases) {
    const world = await openWorld(t)
    const connection = { kind, url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
    const { targets, policy } = compileRules({ registry: connection }, grants, [], { mode: 'shadow' })
    world.setTargets(targets, policy)
    await world.gateway.pinLockfiles(
      world.step,
      packLockfiles([{ path: 'package-lock.json', text: JSON.stringify(lock) }]),
    )
    await world.ask(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, {
      authority: `${host}:443`,
    })
    assert.deepEqual(entries(world, 'access.shadowed'), [], line)
    assert.equal(entries(world, 'access.granted').length > 0, true, line)
  }
})
