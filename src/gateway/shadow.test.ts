import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWorld, request } from './gateway.fixture.ts'
import { commit, pushHead, zero } from './git/git.fixture.ts'

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
