import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { openServer } from './server.fixture.ts'

test('where attestations are signed with the job’s own token, it comes with the end and stands in no record', async (t) => {
  const held: string[] = []
  const signingIdentities = {
    audience: 'sigstore',
    hold(stepId: string, token: string) {
      if (token === 'other') throw new MayflyError('bad_token', 'the identity token is for another audience')
      held.push(`${stepId} ${token}`)
    },
  }
  const it = await openServer(t, { signingIdentities })
  const signer = await it.signer()
  const { body } = await it.exchange(signer, it.identityToken(), 'build')
  const open = async () => {
    const json = { name: 'build', role: 'build', tier: 'B', command: 'true' }
    const opened = await it.prove(signer, '/v1/steps', { token: String(body['access_token']), json })
    assert.equal(opened.body['signing_audience'], 'sigstore')
    return { id: String(opened.body['step_id']), token: String(opened.body['access_token']) }
  }
  const finish = ({ id, token }: { id: string; token: string }, more: object) =>
    it.prove(signer, `/v1/steps/${id}/finish`, { token, json: { reason: 'finished', exit_code: 0, ...more } })

  const one = await open()
  const secret = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
  const ended = await finish(one, { signing_identity: secret })
  assert.equal(ended.status, 200, JSON.stringify(ended.body))
  assert.deepEqual(held, [`${one.id} ${secret}`])
  assert.ok(!JSON.stringify(it.audit.entries).includes(secret))
  for (const table of ['steps', 'attestations', 'outbox'] as const)
    assert.ok(
      !JSON.stringify(await it.store.read.selectFrom(table).selectAll().execute()).includes(secret),
      table,
    )

  const other = await open()
  const refused = await finish(other, { signing_identity: 'other' })
  assert.equal(refused.status, 200, 'it ends all the same')
  assert.deepEqual(refused.body['attestations_failed'], ['the identity token is for another audience'])
  assert.equal(it.store.find('steps', { id: other.id })?.end_reason, 'finished')

  assert.equal((await finish(await open(), {})).status, 200)
})

test('elsewhere a step is asked for none', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const { body } = await it.exchange(signer, it.identityToken(), 'build')
  const json = { name: 'build', role: 'build', tier: 'B', command: 'true' }
  const opened = await it.prove(signer, '/v1/steps', { token: String(body['access_token']), json })
  assert.equal(opened.status, 201)
  assert.equal('signing_audience' in opened.body, false)
})
