import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ProofSigner } from '../../identity/index.ts'
import { openServer, policyText } from '../server.fixture.ts'

/** A job with a session in a role of this many minutes, and a step in it. */
async function job(t: TestContext, ttl = '20m') {
  const policy = policyText().replace(
    'repository_id: "1296269" }\n    grants: [git:read',
    `repository_id: "1296269" }\n    ttl: ${ttl}\n    grants: [git:read`,
  )
  const it = await openServer(t, { policy })
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const opened = await it.prove(signer, '/v1/steps', {
    token: String(session['access_token']),
    json: { name: 'long', role: 'build', tier: 'B', command: 'sleep' },
  })
  assert.equal(opened.status, 201, JSON.stringify(opened.body))
  const renew = (token: unknown, by: ProofSigner = signer) =>
    it.prove(by, '/oauth/renew', { token: String(token) })
  const beat = (token: unknown) =>
    it.prove(signer, `/v1/steps/${String(opened.body['step_id'])}/heartbeat`, {
      token: String(token),
      json: {},
    })
  return { it, signer, session, step: opened.body, renew, beat }
}

test('a token lives five minutes; renewed, a long step goes on until the role’s limit and not past it', async (t) => {
  const { it, session, step, renew, beat } = await job(t)
  assert.deepEqual([session['expires_in'], step['expires_in']], [300, 300])
  let [ofSession, ofStep] = [session['access_token'], step['access_token']]
  const lives: number[] = []
  for (let minutes = 4; minutes < 20; minutes += 4) {
    it.clock.aheadMs += 4 * 60_000
    const [one, two] = [await renew(ofSession), await renew(ofStep)]
    assert.deepEqual([one.status, two.status], [200, 200], `${minutes}`)
    ;[ofSession, ofStep] = [one.body['access_token'], two.body['access_token']]
    lives.push(Number(two.body['expires_in']))
    assert.equal((await beat(ofStep)).status, 200)
  }
  assert.deepEqual(lives.slice(0, -1), [300, 300, 300])
  // The role's limit, rounded up to the second.
  assert.ok([240, 241].includes(lives.at(-1) ?? 0), String(lives.at(-1)))
  it.clock.aheadMs += 4 * 60_000
  for (const refused of [await renew(ofStep), await renew(ofSession), await beat(ofStep)]) {
    // Its owner, by the proof of its key, is told that it is over and why; a stranger is not.
    assert.equal(refused.status, 403)
    assert.match(JSON.stringify(refused.body), /"revoked".*the time of its role is over/)
  }
})

test('a step’s token stays a step’s token', async (t) => {
  const { it, signer, step, renew } = await job(t)
  const renewed = await renew(step['access_token'])
  const answer = await it.prove(signer, '/v1/steps', {
    token: String(renewed.body['access_token']),
    json: { name: 'more', role: 'build', tier: 'B', command: 'true' },
  })
  assert.equal(answer.status, 403)
})

test('refused: an expired token, another key, an ended step, an ended session', async (t) => {
  const { it, signer, session, step, renew } = await job(t)
  assert.equal((await renew(session['access_token'], await it.signer())).status, 401)
  const running = it.broker.step(String(step['step_id']) as never)
  assert.ok(running !== undefined)
  await it.broker.endStep(running, { reason: 'finished' })
  assert.equal((await renew(step['access_token'])).status, 403)
  assert.equal((await renew(session['access_token'])).status, 200)
  await it.asAdmin('POST', '/v1/revoke', { issuer: 'github' })
  assert.equal((await renew(session['access_token'])).status, 403)
  const fresh = (await it.exchange(signer, it.identityToken(), 'build')).body
  it.clock.aheadMs += 301_000
  assert.equal((await renew(fresh['access_token'])).status, 401)
  assert.equal((await it.call('POST', '/oauth/renew')).status, 401)
})

test('no proof without our nonce is taken, and every answer brings the next one', async (t) => {
  const { it, session } = await job(t)
  const signer = await it.signer()
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'x',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    scope: 'build',
  }
  const bare = await signer.sign({ method: 'POST', uri: `${it.url}/oauth/token` })
  const token = await it.call('POST', '/oauth/token', { form, headers: { dpop: bare } })
  assert.deepEqual([token.status, token.body['error']], [400, 'use_dpop_nonce'])
  assert.match(token.headers.get('dpop-nonce') ?? '', /^[\w.-]+$/)
  const accessToken = String(session['access_token'])
  const proof = await signer.sign({ method: 'POST', uri: `${it.url}/oauth/renew`, accessToken })
  const resource = await it.call('POST', '/oauth/renew', {
    headers: { dpop: proof, authorization: `DPoP ${accessToken}` },
  })
  assert.equal(resource.status, 401)
  assert.equal(resource.headers.get('www-authenticate'), 'DPoP error="use_dpop_nonce", algs="ES256"')
  assert.ok(resource.headers.get('dpop-nonce') !== null)
  const metadata = await it.call('GET', '/.well-known/oauth-authorization-server')
  assert.ok(metadata.headers.get('dpop-nonce') !== null)
})

test('a nonce of ten minutes ago is asked for again', async (t) => {
  const { it, signer, session } = await job(t)
  it.clock.aheadMs += 4 * 60_000
  const token = String(
    (await it.prove(signer, '/oauth/renew', { token: String(session['access_token']) })).body['access_token'],
  )
  const old = await it.signer()
  old.learnNonce((await it.call('GET', '/oauth/jwks.json')).headers.get('dpop-nonce'))
  it.clock.aheadMs += 10 * 60_000 + 1000
  const proof = await old.sign({ method: 'POST', uri: `${it.url}/oauth/token` })
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: token.slice(0, 20) }
  assert.equal(
    (await it.call('POST', '/oauth/token', { form, headers: { dpop: proof } })).body['error'],
    'use_dpop_nonce',
  )
})
