import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openServer, policyText } from './server.fixture.ts'

const policy = policyText({
  more: 'honey: { files: { .netrc: netrc, .aws/credentials: aws }, env: { DEPLOY_TOKEN: github }, hosts: [git.corp.example.com] }',
})

async function setup(t: TestContext) {
  const it = await openServer(t, { policy })
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const json = {
    name: 'test',
    role: 'build',
    tier: 'B',
    command: 'npm test',
    workspace: { kind: 'job', id: 'a'.repeat(64) },
  }
  const opened = await it.prove(signer, '/v1/steps', { json, token: String(session['access_token']) })
  const { step_id, access_token, run_id } = opened.body as Record<string, string>
  const handed = await it.prove(signer, `/v1/steps/${step_id}/credentials`, {
    json: { home: '/home/step' },
    token: access_token ?? '',
  })
  const [planted] = handed.body['credentials'] as {
    connection: string
    env: Record<string, string>
    files: Record<string, string>
    fields: Record<string, string>
  }[]
  const entries = async (count: number) => {
    while (it.audit.ofType('honey.touched').length < count) await new Promise((next) => setImmediate(next))
    return it.audit.ofType('honey.touched').map(({ data }) => data)
  }
  const whose = (place: string) => ({ run: run_id, step: step_id, name: 'test', role: 'build', place })
  return { it, opened, planted, entries, whose }
}

test('a step is told that something is planted, and gets it with what it is handed, to be masked', async (t) => {
  const { opened, planted } = await setup(t)
  assert.equal(opened.body['plants'], true)
  assert.equal(planted?.connection, '(planted)')
  assert.deepEqual(Object.keys(planted?.files ?? {}).toSorted(), ['.aws/credentials', '.netrc'])
  const all = Object.values(planted?.fields ?? {})
  assert.ok(all.includes(planted?.env['DEPLOY_TOKEN'] ?? 'none'))
  assert.ok(all.some((one) => planted?.files['.netrc']?.includes(one)))
})

test('shown to our own API or token endpoint, from wherever: recorded once for each place, and refused as anything else', async (t) => {
  const { it, planted, entries, whose } = await setup(t)
  const token = planted?.env['DEPLOY_TOKEN'] ?? ''
  const password = /password (\S+)/.exec(planted?.files['.netrc'] ?? '')?.[1] ?? ''
  const headers = { authorization: `Bearer ${token}` }
  const honest = await it.call('GET', '/v1/secrets', { headers: { authorization: 'Bearer ghp_nobody' } })
  for (let i = 0; i < 3; i++) {
    const { status, body } = await it.call('GET', '/v1/secrets', { headers })
    assert.deepEqual(
      [status, body['code'], body['detail']],
      [honest.status, honest.body['code'], honest.body['detail']],
    )
  }
  const basic = Buffer.from(`deploy:${password}`).toString('base64')
  assert.equal(
    (await it.call('GET', '/v1/policy', { headers: { authorization: `Basic ${basic}` } })).status,
    401,
  )
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    scope: 'build',
  }
  assert.equal((await it.prove(await it.signer(), '/oauth/token', { form })).status, 400)
  for (const [i, name] of ['x-api-key', 'cookie', 'dpop'].entries())
    await it.call('GET', `/v1/steps/stp_${i}/pinned`, { headers: { [name]: `a=${token}` } })
  const found = (await entries(6)).map(({ planted: of, how, path, address }) => ({ of, how, path, address }))
  const from = { how: 'presented', address: '127.0.0.1' }
  assert.deepEqual(
    found.toSorted((a, b) => String(a.path).localeCompare(String(b.path))),
    [
      { of: whose('env:DEPLOY_TOKEN'), path: '/oauth/token', ...from },
      { of: whose('file:.netrc'), path: '/v1/policy', ...from },
      { of: whose('env:DEPLOY_TOKEN'), path: '/v1/secrets', ...from },
      ...[0, 1, 2].map((i) => ({
        of: whose('env:DEPLOY_TOKEN'),
        path: `/v1/steps/stp_${i}/pinned`,
        ...from,
      })),
    ].map(({ of, how, path, address }) => ({ of, how, path, address })),
  )
  assert.equal(JSON.stringify(it.audit.entries).includes(token), false)
})

test('identify says where a value was planted; only to who may ask', async (t) => {
  const { it, planted, whose } = await setup(t)
  const text = `found this: ${planted?.files['.aws/credentials']}`
  const { body } = await it.asAdmin('POST', '/v1/honey/identify', { text })
  assert.deepEqual(body['planted'], [whose('file:.aws/credentials')])
  assert.deepEqual(
    (await it.asAdmin('POST', '/v1/honey/identify', { text: 'AKIAIOSFODNN7EXAMPLE' })).body['planted'],
    [],
  )
  assert.equal((await it.call('POST', '/v1/honey/identify', { json: { text } })).status, 401)
})

test('without honey a step is told of nothing', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const json = {
    name: 'test',
    role: 'build',
    tier: 'B',
    command: 'npm test',
    workspace: { kind: 'job', id: 'a'.repeat(64) },
  }
  const opened = await it.prove(signer, '/v1/steps', { json, token: String(session['access_token']) })
  assert.equal('plants' in opened.body, false)
})
