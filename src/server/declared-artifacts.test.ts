import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStoredRunArtifacts, type Step } from '../broker/index.ts'
import { openServer } from './server.fixture.ts'

test('what a step declares when it ends is of its run, for the steps after it', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const token = String((await it.exchange(signer, it.identityToken(), 'build')).body['access_token'])
  const open = async (): Promise<{ step: Step; token: string }> => {
    const json = { name: 'build', role: 'build', tier: 'B', command: 'true' }
    const { body } = await it.prove(signer, '/v1/steps', { token, json })
    const step = it.broker.step(String(body['step_id']) as never)
    assert.ok(step !== undefined)
    return { step, token: String(body['access_token']) }
  }
  const [first, second] = [await open(), await open()]
  const sha256 = 'ab'.repeat(32)
  const artifacts = createStoredRunArtifacts({ store: it.store, clock: it.clock })
  const isOfRun = (step: Step) => artifacts.isOfRun(step, [`sha256:${sha256}`])
  assert.equal(await isOfRun(second.step), false)
  const files = [{ path: 'dist/app.tgz', sha256, bytes: 3 }]
  const json = { reason: 'finished', exit_code: 0, artifacts: { files, count: 1, bytes: 3, sha256 } }
  const { status, body } = await it.prove(signer, `/v1/steps/${first.step.id}/finish`, {
    token: first.token,
    json,
  })
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([await isOfRun(second.step), await isOfRun(first.step)], [true, false])
})
