import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createProofSigner, type ProofSigner } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { setStage, type Stage } from '../../demo/stage.ts'

let stage: Stage
let signer: ProofSigner
before(async () => {
  stage = await setStage()
  signer = await createProofSigner({ clock: systemClock })
})
after(() => stage[Symbol.asyncDispose]())

interface Answer {
  status: number
  body: Record<string, unknown>
  headers: Headers
}

/** Asked for a nonce, it is sent again with one, unless the proof was given. */
async function call(path: string, options: Parameters<typeof send>[1] = {}): Promise<Answer> {
  const first = await send(path, options)
  const code = first.body['error'] ?? first.body['code']
  return code === 'use_dpop_nonce' && options.proof === undefined ? send(path, options) : first
}

async function send(
  path: string,
  options: {
    form?: Record<string, string>
    token?: string
    method?: string
    json?: unknown
    proof?: string
  } = {},
): Promise<Answer> {
  const method = options.method ?? 'POST'
  const proof =
    options.proof ??
    (await signer.sign({
      method,
      uri: `${stage.server}${path}`,
      ...(options.token === undefined ? {} : { accessToken: options.token }),
    }))
  const response = await fetch(`${stage.server}${path}`, {
    method,
    headers: {
      dpop: proof,
      ...(options.token === undefined ? {} : { authorization: `DPoP ${options.token}` }),
      ...(options.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(options.form === undefined ? {} : { body: new URLSearchParams(options.form) }),
    ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
  })
  signer.learnNonce(response.headers.get('dpop-nonce'))
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

function exchange(subjectToken: string, scope = 'build', form: Record<string, string> = {}): Promise<Answer> {
  return call('/oauth/token', {
    form: {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      scope,
      ...form,
    },
  })
}

function asOperator(
  path: string,
  options: { method?: string; form?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${stage.server}${path}`, {
    method: options.method ?? 'GET',
    headers: {
      authorization: `Bearer ${stage.operatorToken}`,
      ...(options.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(options.form === undefined ? {} : { body: new URLSearchParams(options.form) }),
  })
}

test('a CI token becomes a DPoP-bound session, which opens a step, and ends with everything it had', async () => {
  const { status, body } = await exchange(await stage.issuer.sign(stage.server), 'build release')
  assert.equal(status, 200)
  assert.equal(body['token_type'], 'DPoP')
  assert.equal(body['issued_token_type'], 'urn:ietf:params:oauth:token-type:access_token')
  assert.equal(body['scope'], 'build release')
  const facts = body['roles'] as { name: string; writes: boolean; limits: object }[]
  assert.deepEqual(
    facts.map(({ name, writes }) => [name, writes]),
    [
      ['build', false],
      ['release', true],
    ],
  )
  assert.equal((body['job'] as { ref_protected: boolean }).ref_protected, true)
  const token = String(body['access_token'])
  const step = await call('/v1/steps', {
    token,
    json: { name: 'x', role: 'build', tier: 'B', command: 'true' },
  })
  assert.equal(step.status, 201)
  const stepToken = String(step.body['access_token'])
  const introspect = async (one: string) =>
    (await (
      await asOperator('/oauth/introspect', { method: 'POST', form: { token: one } })
    ).json()) as Record<string, unknown>
  assert.deepEqual(
    [(await introspect(token))['active'], (await introspect(stepToken))['active']],
    [true, true],
  )
  assert.equal((await introspect(stepToken))['scope'], 'build')
  assert.deepEqual((await introspect(token))['cnf'], { jkt: signer.jkt })
  assert.equal((await call('/oauth/revoke', { token, form: { token } })).status, 200)
  assert.deepEqual(
    [(await introspect(token))['active'], (await introspect(stepToken))['active']],
    [false, false],
  )
  assert.equal(
    (await call('/v1/steps', { token, json: { name: 'x', role: 'build', tier: 'B', command: 'true' } }))
      .status,
    403,
  )
})

const now = () => Math.floor(Date.now() / 1000)
const refusals: {
  name: string
  token: () => Promise<string>
  scope?: string
  status: number
  error: string
  says: RegExp
  tellsStranger?: false
}[] = [
  {
    name: 'expired',
    token: () => stage.issuer.sign(stage.server, { iat: now() - 900, nbf: now() - 900, exp: now() - 600 }),
    status: 400,
    error: 'invalid_grant',
    says: /token_expired/,
  },
  {
    name: 'not yet valid',
    token: () => stage.issuer.sign(stage.server, { nbf: now() + 600 }),
    status: 400,
    error: 'invalid_grant',
    says: /token_not_yet_valid/,
  },
  {
    name: 'for another audience',
    token: () => stage.issuer.sign('https://another.example'),
    status: 400,
    error: 'invalid_grant',
    says: /audience_mismatch/,
  },
  {
    name: 'unsigned',
    token: async () => unsigned(await stage.issuer.sign(stage.server)),
    status: 400,
    error: 'invalid_grant',
    says: /request id/,
  },
  {
    name: 'changed',
    token: async () => changed(await stage.issuer.sign(stage.server)),
    status: 400,
    error: 'invalid_grant',
    says: /request id/,
  },
  {
    name: 'of an unknown issuer',
    token: () => stage.issuer.sign(stage.server, { iss: 'https://issuer.example' }),
    status: 400,
    error: 'invalid_grant',
    says: /request id/,
  },
  {
    name: 'oversized',
    token: () => stage.issuer.sign(stage.server, { junk: 'x'.repeat(20_000) }),
    status: 400,
    error: 'invalid_grant',
    says: /request id/,
  },
  {
    name: 'of another owner',
    token: () => stage.issuer.sign(stage.server, { repository_owner_id: '666' }),
    status: 400,
    error: 'invalid_grant',
    says: /request id/,
  },
  {
    name: 'for a role that is not there',
    token: () => stage.issuer.sign(stage.server),
    scope: 'deploy',
    status: 400,
    error: 'invalid_scope',
    says: /no role "deploy"; known are build, release/,
  },
  {
    name: 'for a role that does not trust the job',
    token: () => stage.issuer.sign(stage.server, { ref: 'refs/heads/feature', ref_protected: 'false' }),
    scope: 'release',
    status: 403,
    error: 'invalid_target',
    says: /ref: expected refs\/heads\/main, got refs\/heads\/feature; ref_protected: expected true, got false/,
  },
]

for (const { name, token, scope, status, error, says } of refusals) {
  test(`a token ${name} is refused, with a reason and a request id`, async () => {
    const answer = await exchange(await token(), scope)
    assert.equal(answer.status, status)
    assert.equal(answer.body['error'], error)
    assert.match(String(answer.body['error_description']), says)
    assert.doesNotMatch(String(answer.body['error_description']), /\n/)
    assert.match(String(answer.body['request_id']), /^req_/)
    assert.equal(answer.body['access_token'], undefined)
  })
}

test('a token signed with an unknown key: later, while the issuer was just asked, or never; no session either way', async () => {
  const answer = await exchange(await stage.issuer.sign(stage.server, {}, { kid: '../../etc/passwd' }))
  assert.ok([400, 503].includes(answer.status), String(answer.status))
  assert.equal(answer.body['access_token'], undefined)
  assert.doesNotMatch(String(answer.body['error_description']), /passwd/)
})

test('a branch in another script opens a role that does not name it; one that does says what it got', async () => {
  const job = { ref: 'refs/heads/größe', ref_protected: 'true' }
  assert.equal((await exchange(await stage.issuer.sign(stage.server, job))).status, 200)
  const refused = await exchange(await stage.issuer.sign(stage.server, job), 'release')
  assert.equal(refused.status, 403)
  assert.match(
    String(refused.body['error_description']),
    /ref: expected refs\/heads\/main, got refs\/heads\/größe \(refs\/heads\/gr\\u00f6\\u00dfe\)/,
  )
})

test('what a job of ours says in a form that is not taken is told to it', async () => {
  const answer = await exchange(await stage.issuer.sign(stage.server, { environment: 'a\u0007b' }))
  assert.equal(answer.status, 400)
  assert.match(
    String(answer.body['error_description']),
    /claim_malformed: environment "a\\u0007b" has control/,
  )
})

test('a token is taken once, also when it comes ten times at once', async () => {
  const token = await stage.issuer.sign(stage.server)
  const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(token)))
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, ...Array.from({ length: 9 }, () => 400)],
  )
  const again = await exchange(token)
  assert.match(String(again.body['error_description']), /token_replayed/)
})

test('no proof, one of another method or address: refused; a used token stays used', async () => {
  const token = await stage.issuer.sign(stage.server)
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    scope: 'build',
  }
  const uri = `${stage.server}/oauth/token`
  const proofs = [
    '',
    await signer.sign({ method: 'GET', uri }),
    await signer.sign({ method: 'POST', uri: `${stage.server}/oauth/revoke` }),
  ]
  for (const proof of proofs)
    assert.equal((await call('/oauth/token', { form, proof })).body['error'], 'invalid_dpop_proof')
  const good = await signer.sign({ method: 'POST', uri })
  assert.equal((await call('/oauth/token', { form, proof: good })).status, 200)
  // A second time it is the identity token that is used up.
  assert.match(
    String((await call('/oauth/token', { form, proof: good })).body['error_description']),
    /token_replayed/,
  )
})

test('a used proof is refused where a token of ours comes with it', async () => {
  const { body } = await exchange(await stage.issuer.sign(stage.server))
  const token = String(body['access_token'])
  const proof = await signer.sign({ method: 'POST', uri: `${stage.server}/v1/steps`, accessToken: token })
  const open = () =>
    call('/v1/steps', { token, proof, json: { name: 'x', role: 'build', tier: 'B', command: 'true' } })
  assert.equal((await open()).status, 201)
  const again = await open()
  assert.equal(again.status, 401)
  assert.match(String(again.body['detail']), /used before/)
})

test('a session token is useless without its key', async () => {
  const { body } = await exchange(await stage.issuer.sign(stage.server))
  const thief = await createProofSigner({ clock: systemClock })
  thief.learnNonce((await fetch(`${stage.server}/oauth/jwks.json`)).headers.get('dpop-nonce'))
  const token = String(body['access_token'])
  const proof = await thief.sign({ method: 'POST', uri: `${stage.server}/v1/steps`, accessToken: token })
  const answer = await call('/v1/steps', {
    token,
    proof,
    json: { name: 'x', role: 'build', tier: 'B', command: 'true' },
  })
  assert.equal(answer.status, 401)
  assert.match(String(answer.body['detail']), /another key/)
})

test('a role that was not assumed, and a step that is less isolated than its role demands, are refused', async () => {
  const { body } = await exchange(await stage.issuer.sign(stage.server))
  const token = String(body['access_token'])
  const other = await call('/v1/steps', {
    token,
    json: { name: 'x', role: 'release', tier: 'B', command: 'true' },
  })
  assert.equal(other.status, 403)
  assert.match(String(other.body['detail']), /has not assumed role "release"/)
  const bare = await call('/v1/steps', {
    token,
    json: { name: 'x', role: 'build', tier: 'E', command: 'true' },
  })
  assert.equal(bare.body['code'], 'isolation_unavailable')
})

test('probes, metrics, metadata and the description of the API are there', async () => {
  const get = async (path: string) => fetch(`${stage.server}${path}`)
  assert.deepEqual(await (await get('/healthz')).json(), { ok: true })
  assert.deepEqual(await (await get('/readyz')).json(), { ready: true, reasons: [], warnings: [] })
  assert.match(await (await get('/metrics')).text(), /mayfly_leases_active 0/)
  const metadata = (await (await get('/.well-known/oauth-authorization-server')).json()) as Record<
    string,
    unknown
  >
  assert.equal(metadata['issuer'], stage.server)
  const jwks = (await (await get('/.well-known/jwks.json')).json()) as { keys: Record<string, unknown>[] }
  assert.equal(jwks.keys[0]?.['alg'], 'ES256')
  assert.equal(jwks.keys[0]?.['d'], undefined)
  const api = (await (await get('/openapi.json')).json()) as {
    openapi: string
    paths: Record<string, unknown>
  }
  assert.equal(api.openapi, '3.1.0')
  for (const path of ['/oauth/token', '/v1/policy', '/v1/secrets/{name}', '/readyz'])
    assert.ok(path in api.paths, path)
})

test('operators need a token in force, with the scope', async () => {
  const bare = await fetch(`${stage.server}/v1/policy`)
  assert.equal(bare.status, 401)
  const made = await stage.operate([
    'token',
    'create',
    'reader',
    '--scope',
    'policy:read',
    '--expires-in',
    '60',
    '--json',
  ])
  const { token, id } = JSON.parse(made.stdout) as { token: string; id: string }
  const withToken = (path: string, method = 'GET') =>
    fetch(`${stage.server}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: '{"value":"x"}' }),
    })
  assert.equal((await withToken('/v1/policy')).status, 200)
  const refused = await withToken('/v1/secrets/git', 'PUT')
  assert.equal(refused.status, 403)
  assert.match(((await refused.json()) as { detail: string }).detail, /lacks the scope secret:write/)
  assert.equal((await stage.operate(['token', 'revoke', id])).exitCode, 0)
  assert.equal((await withToken('/v1/policy')).status, 401)
})

test('an issuer that cannot be asked for its keys: nothing is issued, and the answer says so', async () => {
  const gone = 'http://127.0.0.1:9'
  const file = join(stage.folder, 'gone.yaml')
  writeFileSync(file, readFileSync(stage.policyFile, 'utf8').replace(stage.issuer.url, gone))
  assert.equal((await stage.operate(['apply', file])).exitCode, 0)
  const answer = await exchange(await stage.issuer.sign(stage.server, { iss: gone }))
  assert.equal(answer.status, 503)
  assert.equal(answer.body['error'], 'temporarily_unavailable')
  assert.match(String(answer.headers.get('retry-after')), /^[0-9]+$/)
  assert.match(
    String(answer.body['error_description']),
    /issuer http:\/\/127\.0\.0\.1:9 could not be asked for its keys/,
  )
})

function unsigned(token: string): string {
  const [, payload = ''] = token.split('.')
  return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`
}

function changed(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  return `${header}.${Buffer.from(JSON.stringify({ ...claims, ref: 'refs/heads/release' })).toString('base64url')}.${signature}`
}
