import assert from 'node:assert/strict'
import { test } from 'node:test'
import { version } from '../../lib/index.ts'
import { ben, cleo, openServer, policyText } from '../server.fixture.ts'

test('an API token learns its name, scopes and end; nobody learns nothing', async (t) => {
  const it = await openServer(t)
  const { body } = await it.asAdmin('POST', '/v1/tokens', {
    name: 'reader',
    scopes: ['policy:read'],
    expires_in: 3600,
  })
  const authorization = `Bearer ${String(body['token'])}`
  const me = await it.call('GET', '/v1/whoami', { headers: { authorization } })
  assert.deepEqual(me.body, {
    kind: 'token',
    id: body['id'],
    name: 'reader',
    scopes: ['policy:read'],
    expires: new Date(it.clock.nowMs() + 3_600_000).toISOString(),
    server: { version, gateway: 'http://127.0.0.1:1' },
  })
  assert.equal((await it.asAdmin('GET', '/v1/whoami')).body['expires'], null)
  assert.equal((await it.call('GET', '/v1/whoami')).status, 401)
})

test('a person learns their groups and permissions, as the policy has them now', async (t) => {
  const it = await openServer(t)
  const me = await it.asPerson(ben, 'GET', '/v1/whoami')
  assert.deepEqual(
    [me.body['kind'], me.body['name'], me.body['groups'], me.body['permissions']],
    ['person', 'ben', ['managers', 'everyone'], ['approver']],
  )
  assert.deepEqual((await it.asPerson(cleo, 'GET', '/v1/whoami')).body['permissions'], ['approver', 'admin'])
})

test('a job learns how its claims are read and which roles would open; its token is as good as before', async (t) => {
  const it = await openServer(t)
  const token = it.identityToken()
  const me = await it.call('POST', '/v1/whoami', { json: { identity_token: token } })
  assert.equal(me.status, 200, JSON.stringify(me.body))
  const { issuer, attributes, roles } = me.body as {
    issuer: string
    attributes: Record<string, string>
    roles: unknown
  }
  assert.equal(issuer, 'github')
  assert.equal(attributes['repository_id'], '1296269')
  assert.deepEqual(roles, [
    { name: 'build', approval: false },
    { name: 'release', approval: true },
  ])
  const session = await it.exchange(await it.signer(), token, 'build')
  assert.equal(session.status, 200, JSON.stringify(session.body))
})

test('a stranger on the same issuer, and a forged token, learn nothing', async (t) => {
  const it = await openServer(t)
  const asked = async (token: string) =>
    await it.call('POST', '/v1/whoami', { json: { identity_token: token } })
  const stranger = await asked(
    it.identityToken({
      repository_id: '666',
      repository: 'evil/app',
      sub: 'repo:evil/app:ref:refs/heads/main',
    }),
  )
  assert.equal(stranger.status, 403)
  assert.equal(stranger.body['detail'], 'not trusted here')
  const [header = '', payload = ''] = it.identityToken().split('.')
  const forged = await asked(`${header}.${payload}.${Buffer.alloc(256).toString('base64url')}`)
  assert.equal(forged.status, 400)
  assert.match(String(forged.body['detail']), /the identity token was refused/)
  assert.doesNotMatch(JSON.stringify([stranger.body, forged.body]), /gateway|version|build|release|1296269/)
})

test('one of ours to whom no role opens sees its claims', async (t) => {
  const it = await openServer(t, {
    policy: policyText().replace(
      'build:\n    trust: { issuer: github, repository_id: "1296269" }',
      'build:\n    trust: { issuer: github, repository_id: "1296269", event: push }',
    ),
  })
  const token = it.identityToken({ event_name: 'schedule' })
  const me = await it.call('POST', '/v1/whoami', { json: { identity_token: token } })
  assert.deepEqual([me.status, me.body['roles']], [200, []])
})
