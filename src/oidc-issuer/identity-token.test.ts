import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test, type TestContext } from 'node:test'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import { code } from '../broker/broker.fixture.ts'
import { newId, type RunId, type SessionId } from '../lib/index.ts'
import { openServer, policyText, type TestServer } from '../server/server.fixture.ts'
import { rotateAfterMs, type IdentityFacts, type IdentityTokenRequest } from './index.ts'

const aws = 'sts.amazonaws.com'
const policy = policyText({
  more: `
  deploy:
    trust: { issuer: github, repository_id: "1296269" }
    grants: [git:read git/octo-org/app, http:get api/*]
    identity: { subject: "repo:{repository_id}:{role}", audiences: [${aws}, "api://AzureADTokenExchange"] }
identity_tokens: { audiences: ["https://bao.example.com"] }
`,
}).replace(
  'connections:\n',
  `connections:
  api:
    kind: http
    url: https://api.example.com
    credential: { oauth-client: { token_url: https://login.example.com/token, client_id: mayfly, assertion: {} } }
`,
)

const facts = (changes: Partial<IdentityFacts> = {}): IdentityFacts => ({
  lease: 'lse_1',
  connection: { name: 'git' },
  run: 'run_1',
  step: 'stp_1',
  role: 'deploy',
  job: {
    issuer: 'github',
    attributes: {
      repository: 'octo-org/app',
      repository_id: '1296269',
      ref: 'refs/heads/main',
      commit: 'abc',
    },
  },
  ...changes,
})

/** Whoever trusts us: knows our URL and an audience, and finds the rest by discovery, as clouds and OpenBao do. */
async function relyingParty(issuer: string, audience: string) {
  const discovered = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as {
    issuer: string
    jwks_uri: string
    id_token_signing_alg_values_supported: string[]
  }
  assert.equal(discovered.issuer, issuer)
  const { id_token_signing_alg_values_supported: algorithms } = discovered
  const keys = createRemoteJWKSet(new URL(discovered.jwks_uri), { cooldownDuration: 0 })
  return (token: string, now: number) =>
    jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms,
      currentDate: new Date(now),
      requiredClaims: ['sub', 'exp', 'jti'],
    })
}

// One server for all: its keys are made once.
let it: TestServer
const ends: (() => Promise<void>)[] = []
before(async () => {
  const whole = { after: (end: () => Promise<void>) => void ends.push(end) }
  it = await openServer(whole as TestContext, { policy })
})
after(async () => {
  for (const end of ends) await end()
})

const sign = async (request: Partial<IdentityTokenRequest> = {}) =>
  (await it.signIdentity({ audience: aws, subject: facts(), ...request })).reveal()

test('a token for AWS: who, for whom, how long, and session tags only for who asks for them', async () => {
  const token = await sign({ awsSessionTags: true })
  assert.deepEqual({ ...decodeProtectedHeader(token), kid: 0 }, { alg: 'RS256', typ: 'JWT', kid: 0 })
  const { jti, iat = 0, ...payload } = decodeJwt(token)
  assert.match(String(jti), /^idt_/)
  assert.deepEqual(payload, {
    iss: it.url,
    aud: aws,
    sub: 'repo:1296269:deploy',
    role: 'deploy',
    run: 'run_1',
    step: 'stp_1',
    lease: 'lse_1',
    ci: 'github',
    repository: 'octo-org/app',
    repository_id: '1296269',
    ref: 'refs/heads/main',
    commit: 'abc',
    nbf: iat - 60,
    exp: iat + 300,
    'https://aws.amazon.com/tags': {
      principal_tags: {
        'mayfly-role': ['deploy'],
        'mayfly-run': ['run_1'],
        'mayfly-step': ['stp_1'],
        'mayfly-lease': ['lse_1'],
        'mayfly-repository': ['octo-org/app'],
        'mayfly-repository_id': ['1296269'],
        'mayfly-ref': ['refs/heads/main'],
      },
      transitive_tag_keys: ['mayfly-lease'],
    },
  })
  assert.equal('https://aws.amazon.com/tags' in decodeJwt(await sign()), false)
  assert.notEqual(decodeJwt(await sign()).jti, decodeJwt(await sign()).jti)
})

test('a ref that AWS would refuse as a tag is left out, and the token stays good', async () => {
  const subject = facts({
    job: { issuer: 'github', attributes: { repository_id: '1', ref: 'refs/heads/a"b{c}' } },
  })
  const tags = decodeJwt(await sign({ subject, awsSessionTags: true }))['https://aws.amazon.com/tags'] as {
    principal_tags: object
  }
  assert.equal('mayfly-ref' in tags.principal_tags, false)
})

test('a relying party that knows our URL alone takes them before, during and after a rotation, and no longer than they last', async () => {
  const verify = await relyingParty(it.url, aws)
  const startMs = it.clock.nowMs()
  const [rsa, ec] = [await sign(), await sign({ alg: 'ES256' })]
  for (const token of [rsa, ec])
    assert.equal((await verify(token, startMs)).payload.sub, 'repo:1296269:deploy')
  const rotated = await it.rotation.rotate({ use: 'identity', now: false, by: {} })
  assert.equal(rotated.length, 2)
  assert.equal((await verify(await sign(), it.clock.nowMs())).payload.iss, it.url)
  const switchMs = rotated[0]?.signsFromMs ?? 0
  it.clock.aheadMs += switchMs - it.clock.nowMs() - 1
  const last = await sign()
  it.clock.aheadMs += 1
  const first = await sign()
  assert.notEqual(decodeProtectedHeader(last).kid, decodeProtectedHeader(first).kid)
  for (const token of [last, first]) await verify(token, it.clock.nowMs() + 299_000)
  await assert.rejects(verify(last, it.clock.nowMs() + 301_000), errors.JWTExpired)
  it.clock.aheadMs += 2 * 3_600_000
  await it.rotation.sweep(rotateAfterMs(undefined))
  const fresh = await relyingParty(it.url, aws)
  await assert.rejects(fresh(last, switchMs), errors.JWKSNoMatchingKey)
  await fresh(await sign(), it.clock.nowMs())
})

/**
 * A login at OpenBao's JWT auth method, written from its published reference (2.6, "JWT/OIDC auth method (API)"); no OpenBao is
 * behind it. `bound_audiences` must be there for a token that has an `aud`.
 */
async function loginAtOpenBao(
  config: { oidc_discovery_url: string },
  role: {
    bound_audiences?: string[]
    bound_subject?: string
    user_claim: string
    bound_claims?: Record<string, string>
  },
  token: string,
) {
  const [audience] = role.bound_audiences ?? []
  if (audience === undefined)
    throw new Error('audience claim found in JWT but no audiences bound to the role')
  const { payload } = await (await relyingParty(config.oidc_discovery_url, audience))(token, it.clock.nowMs())
  if (role.bound_subject !== undefined && payload.sub !== role.bound_subject)
    throw new Error('sub claim does not match bound subject')
  for (const [name, value] of Object.entries(role.bound_claims ?? {}))
    if (payload[name] !== value)
      throw new Error(`claim "${name}" does not match any associated bound claim values`)
  return payload[role.user_claim]
}

test('OpenBao takes them for the role that they are bound to, and for no other', async () => {
  const config = { oidc_discovery_url: it.url }
  const bao = 'https://bao.example.com'
  const role = { bound_audiences: [bao], bound_subject: 'server:secret-store/bao', user_claim: 'sub' }
  const token = (await it.signIdentity({ audience: bao, subject: { server: 'secret-store/bao' } })).reveal()
  assert.equal(await loginAtOpenBao(config, role, token), 'server:secret-store/bao')
  const bound = {
    bound_audiences: [aws],
    user_claim: 'lease',
    bound_claims: { role: 'deploy', repository_id: '1296269' },
  }
  assert.equal(await loginAtOpenBao(config, bound, await sign()), 'lse_1')
  await assert.rejects(loginAtOpenBao(config, role, await sign()), errors.JWTClaimValidationFailed)
  await assert.rejects(loginAtOpenBao(config, { ...role, bound_subject: 'server:x' }, token), /bound subject/)
})

test('a clock that is a little behind takes them; one that is far behind does not', async () => {
  const verify = await relyingParty(it.url, aws)
  const token = await sign()
  await verify(token, it.clock.nowMs() - 50_000)
  await assert.rejects(verify(token, it.clock.nowMs() - 120_000), errors.JWTClaimValidationFailed)
})

test('a withdrawn key is gone from the JWKS at once', async () => {
  const stolen = await sign()
  await it.rotation.rotate({ use: 'identity', now: true, by: {} })
  const verify = await relyingParty(it.url, aws)
  await assert.rejects(verify(stolen, it.clock.nowMs()), errors.JWKSNoMatchingKey)
  await verify(await sign(), it.clock.nowMs())
})

test('what is published may be kept for minutes, is the same for everybody, and has no private part', async () => {
  const jwks = await it.call('GET', '/.well-known/jwks.json')
  for (const answer of [jwks, await it.call('GET', '/.well-known/openid-configuration')]) {
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=300')
    assert.equal(answer.headers.get('dpop-nonce'), null)
  }
  const keys = jwks.body['keys'] as Record<string, unknown>[]
  assert.deepEqual(new Set(keys.map(({ alg }) => alg)), new Set(['RS256', 'ES256']))
  const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']
  for (const key of keys)
    assert.deepEqual(
      secret.filter((name) => name in key),
      [],
    )
  const ofAccess = (await it.call('GET', '/oauth/jwks.json')).body['keys'] as { kid: string }[]
  assert.deepEqual(
    ofAccess.filter(({ kid }) => keys.some((key) => key['kid'] === kid)),
    [],
  )
})

test('audiences: those of the role, of the connection that is used, of the server; no other', async () => {
  await sign({ audience: 'api://AzureADTokenExchange' })
  await sign({ audience: 'https://login.example.com/token', subject: facts({ connection: { name: 'api' } }) })
  const own = await it.signIdentity({
    audience: 'https://bao.example.com',
    subject: { server: 'secret-store/bao' },
  })
  assert.equal(decodeJwt(own.reveal()).sub, 'server:secret-store/bao')
  const refused: readonly IdentityTokenRequest[] = [
    { audience: 'https://login.example.com/token', subject: facts() },
    { audience: aws, subject: facts({ role: 'build' }) },
    { audience: aws, subject: facts({ role: '__proto__' }) },
    { audience: aws, subject: { server: 'x' } },
    { audience: 'https://bao.example.com', subject: facts() },
    { audience: `${aws} `, subject: facts() },
  ]
  for (const request of refused)
    await assert.rejects(
      it.signIdentity(request),
      code('config_invalid', /does not name: add it to/),
      request.audience,
    )
})

test('never signed for ourselves: a policy that says so is refused, and so is the token', async () => {
  const audiences = [
    it.url,
    `${it.url}/`,
    `${it.url}/oauth/token`,
    it.url.toUpperCase().replace('HTTP:', 'http:'),
    'our-audience',
  ]
  await it.apply(`audience: our-audience\n${policy}`)
  for (const audience of audiences) {
    const named = policy.replace(/audiences: \[sts[^\]]*\]/, `audiences: ${JSON.stringify([audience])}`)
    await assert.rejects(it.apply(`audience: our-audience\n${named}`), /audience of Mayfly itself/, audience)
    await assert.rejects(sign({ audience }), code('config_invalid', /audience of Mayfly itself/), audience)
  }
  await it.apply(policy)
})

test('an identity token of ours opens nothing here: no session, no API, no step', async () => {
  const token = await sign()
  const signer = await it.signer()
  const exchanged = await it.exchange(signer, token, 'build')
  assert.deepEqual([exchanged.status, exchanged.body['error']], [400, 'invalid_grant'])
  const bearer = { authorization: `Bearer ${token}` }
  assert.equal((await it.call('GET', '/v1/secrets', { headers: bearer })).status, 401)
  const renewed = await it.prove(signer, '/oauth/renew', { token })
  assert.equal(renewed.status, 401)
  assert.equal((await it.tokens.verify(token)).ok, false)
})

test('also if the policy names this server as an issuer, and even with our own audience', async () => {
  const own = policy
    .replace('issuers:\n', `issuers:\n  us: { kind: oidc, url: "${it.url}", audience: "${aws}" }\n`)
    .replace(`audiences: [${aws}, `, 'audiences: [')
  await it.apply(
    own.replace(
      'identity_tokens:',
      `  own:
    trust: { issuer: us, subject: "repo:1296269:deploy" }
    grants: [git:read git/octo-org/app]
identity_tokens:`,
    ),
  )
  const answer = await it.exchange(
    await it.signer(),
    await sign({ audience: 'api://AzureADTokenExchange' }),
    'own',
  )
  const { status, body } = await it.exchange(await it.signer(), await forged(), 'own')
  assert.deepEqual([answer.status, status, body['error']], [400, 400, 'invalid_grant'])
  const entries = it.audit
    .ofType('session.refused')
    .slice(-2)
    .map(({ data }) => data['reason'])
  assert.deepEqual(entries, ['issuer_unknown', 'issuer_unknown'])
  await it.apply(policy)

  // What only a server that signs for itself could make.
  async function forged() {
    const key = it.signingKeys.signer('identity', 'ES256')
    return new SignJWT({ repository_id: '1296269' })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: key.kid })
      .setIssuer(it.url)
      .setAudience(aws)
      .setSubject('repo:1296269:deploy')
      .setIssuedAt(it.clock.nowMs() / 1000)
      .setExpirationTime(it.clock.nowMs() / 1000 + 60)
      .setJti('j1')
      .sign(key.privateKey)
  }
})

test('an access token of ours is nobody’s identity token: its key is another', async () => {
  const token = it.tokens.sign({
    ...{ session: newId<SessionId>('ses'), run: newId<RunId>('run'), roles: ['build'], jkt: 'x', actor: 'a' },
    expiresSeconds: it.clock.nowMs() / 1000 + 60,
  })
  const verify = await relyingParty(it.url, it.url)
  await assert.rejects(verify(token, it.clock.nowMs()), errors.JWKSNoMatchingKey)
  const exchanged = await it.exchange(await it.signer(), token, 'build')
  assert.equal(exchanged.status, 400)
})

test('forged access tokens: none, a key of the other use, HMAC by a public key, a key in the header', async () => {
  const good = it.tokens.sign({
    ...{ session: newId<SessionId>('ses'), run: newId<RunId>('run'), roles: ['build'], jkt: 'x', actor: 'a' },
    expiresSeconds: it.clock.nowMs() / 1000 + 60,
  })
  assert.equal((await it.tokens.verify(good)).ok, true)
  const payload = good.split('.')[1] ?? ''
  const access = it.signingKeys.signer('access', 'ES256')
  const identity = it.signingKeys.signer('identity', 'ES256')
  const encode = (header: object) => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`
  const byIdentityKey = (kid: string) =>
    new SignJWT(decodeJwt(good))
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
      .sign(identity.privateKey)
  const pem = access.publicKey.export({ format: 'pem', type: 'spki' })
  const hmac = encode({ alg: 'HS256', typ: 'at+jwt', kid: access.kid })
  const forgeries = [
    `${encode({ alg: 'none', typ: 'at+jwt', kid: access.kid })}.`,
    await byIdentityKey(identity.kid),
    await byIdentityKey(access.kid),
    `${hmac}.${createHmac('sha256', pem).update(hmac).digest('base64url')}`,
    `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'mine', jwk: identity.publicJwk })}.${good.split('.')[2]}`,
    `${encode({ alg: 'ES256', typ: 'at+jwt', kid: { toString: access.kid } })}.${good.split('.')[2]}`,
    `${encode({ alg: 'ES256', typ: 'at+jwt' })}.${good.split('.')[2]}`,
  ]
  for (const token of forgeries) assert.equal((await it.tokens.verify(token)).ok, false, token)
})
