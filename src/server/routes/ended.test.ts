import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openServer } from '../server.fixture.ts'

async function stepOf(t: TestContext) {
  const it = await openServer(t)
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const open = () =>
    it.prove(signer, '/v1/steps', {
      token: String(session['access_token']),
      json: { name: 'one', role: 'build', tier: 'B', command: 'true' },
    })
  const step = (await open()).body
  const token = String(step['access_token'])
  const beat = (id = String(step['step_id'])) =>
    it.prove(signer, `/v1/steps/${id}/heartbeat`, { token, json: {} })
  return { it, signer, open, beat, token }
}

test('the heartbeat of a step that has ended is told why and when, as long as its token lives', async (t) => {
  const { it, signer, open, beat, token } = await stepOf(t)
  assert.equal((await beat()).status, 200)
  it.clock.aheadMs += 1_000
  const endedAt = new Date(it.clock.nowMs()).toISOString()
  await it.broker.revoke({ all: true }, 'server_stopping')
  it.clock.aheadMs += 5_000
  for (const answer of [await beat(), await it.prove(signer, '/oauth/renew', { token })]) {
    assert.equal(answer.status, 403)
    assert.equal(answer.body['code'] ?? answer.body['error'], 'revoked')
    assert.deepEqual([answer.body['reason'], answer.body['ended_at']], ['server_stopping', endedAt])
  }
  const next = await open()
  assert.deepEqual([next.status, next.body['code'], next.body['reason']], [403, 'revoked', 'server_stopping'])
  const row = await it.store.read.selectFrom('steps').selectAll().executeTakeFirstOrThrow()
  assert.equal(
    new Date(row.ended_ms ?? 0).toISOString(),
    endedAt,
    'the recorded end is the one that was told',
  )
})

test('another step’s id is told nothing', async (t) => {
  const { it, beat } = await stepOf(t)
  await it.broker.revoke({ all: true }, 'server_stopping')
  const answer = await beat('stp_000000000000000000000000')
  assert.deepEqual([answer.status, answer.body['code'], answer.body['reason']], [403, 'revoked', undefined])
})

test('a server that drains opens no session and no step, and says so; what runs goes on', async (t) => {
  const { it, signer, open, beat } = await stepOf(t)
  it.broker.drain()
  assert.equal((await beat()).status, 200)
  const step = await open()
  assert.deepEqual([step.status, step.body['code']], [503, 'server_stopping'])
  const session = await it.exchange(signer, it.identityToken({ jti: 'another' }), 'build')
  assert.deepEqual([session.status, session.body['error']], [503, 'server_stopping'])
})
