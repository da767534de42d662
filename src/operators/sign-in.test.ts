import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { openServer, policyText, provider as somewhere } from '../server/server.fixture.ts'
import { createBrowser, startProvider } from './provider.fixture.ts'
import { ownPath } from './sign-in.ts'

type ProviderConfiguration = Parameters<typeof startProvider>[1]

/** A server whose people sign in at a real provider. */
async function openWorld(
  t: TestContext,
  configuration: ProviderConfiguration = {},
  policy = (text: string) => text,
) {
  const provider = await startProvider(t, configuration)
  const text = policyText().replace(
    somewhere,
    `${provider.url}\n  client_secret: secret:oidc\n  scopes: [openid, email, profile, groups]`,
  )
  const it = await openServer(t, { policy: policy(text), fetch, secrets: { oidc: 'p@ss word:1' } })
  provider.register(`${it.url}/auth/callback`)
  const browser = createBrowser()
  const signIn = (path = '/auth/login') => browser.follow(`${it.url}${path}`, (url) => url.endsWith('/end'))
  const session = async (headers: Record<string, string> = {}) => {
    const { response, text: body } = await browser.request(`${it.url}/auth/session`, { headers })
    return { status: response.status, body: JSON.parse(body) as Record<string, unknown> }
  }
  return { it, provider, browser, signIn, session }
}

const isCallback = (url: string) => url.includes('/auth/callback')

test('a person signs in, is known by the policy’s name, and signs out', async (t) => {
  const { it, browser, signIn, session } = await openWorld(t)
  const arrived = await signIn()
  assert.deepEqual([arrived.url, arrived.status], [`${it.url}/approvals`, 200])
  const { body } = await session()
  assert.deepEqual([body['name'], body['person']], ['anna', true])
  assert.deepEqual((body['scopes'] as string[]).toSorted(), [
    'approval:decide',
    'approval:read',
    'lease:read',
    'policy:read',
    'secret:read',
    'session:read',
  ])
  assert.equal(it.audit.ofType('operator.signedin').length, 1)
  const headers = { origin: it.url, 'x-mayfly-csrf': String(body['csrf']) }
  const cookie = browser.jar(it.url).get('mayfly')
  assert.equal(
    (await browser.request(`${it.url}/auth/session`, { method: 'DELETE', headers })).response.status,
    200,
  )
  assert.equal((await session()).status, 401)
  assert.equal(browser.jar(it.url).get('mayfly'), cookie, 'the cookie is worth nothing, wherever it still is')
  const by = it.audit.ofType('operator.signedout')[0]?.data['by']
  assert.match(JSON.stringify(by), /"name":"anna"/)
})

test('groups and a verified address come from userinfo or from the ID token', async (t) => {
  for (const conformIdTokenClaims of [true, false]) {
    const { provider, signIn, session } = await openWorld(t, { conformIdTokenClaims })
    provider.state.account = {
      sub: 'z',
      email: 'ben@example.com',
      email_verified: true,
      groups: ['security'],
    }
    await signIn()
    const { body } = await session()
    assert.equal(body['name'], 'ben')
    assert.ok((body['scopes'] as string[]).includes('token:write'), 'security is admin')
  }
})

test('a person of whom the policy knows no name is called by address or subject, not as they like', async (t) => {
  const { it, provider } = await openWorld(t)
  const groups = ['security', 'y'.repeat(257)]
  const long = `${'x'.repeat(250)}@example.com`
  for (const [account, expected] of [
    [{ sub: 'q', name: 'anna', groups }, `${provider.url}#q`],
    [{ sub: 'r', name: 'anna', email: 'r@example.com', email_verified: true, groups }, 'r@example.com'],
    [{ sub: 's', email: long, email_verified: true, groups }, `${provider.url}#s`],
  ] as const) {
    provider.state.account = { ...account }
    const browser = createBrowser()
    await browser.follow(`${it.url}/auth/login`)
    const { text } = await browser.request(`${it.url}/auth/session`)
    assert.equal((JSON.parse(text) as { name: string }).name, expected)
  }
})

test('refused: an address that is not verified is nobody', async (t) => {
  const { it, provider, signIn, session } = await openWorld(t)
  provider.state.account = { sub: 'z', email: 'ben@example.com', email_verified: false }
  const arrived = await signIn()
  assert.equal(arrived.status, 403)
  assert.match(arrived.text, /in no group that may do anything/)
  assert.equal((await session()).status, 401)
  assert.deepEqual(it.audit.ofType('operator.refused')[0]?.data['by'], {
    $personal: { who: `${provider.url}:z`, name: 'z', alias: `${provider.url}:z` },
  })
})

test('refused: an answer that this browser did not ask for (login CSRF), a changed state, a code used twice', async (t) => {
  const { it, browser } = await openWorld(t)
  const victim = createBrowser()
  const stopped = await browser.follow(`${it.url}/auth/login`, isCallback)
  assert.equal((await victim.request(stopped.url)).response.status, 403)
  const changed = new URL(stopped.url)
  changed.searchParams.set('state', 'x'.repeat(43))
  const other = createBrowser()
  const again = await other.follow(`${it.url}/auth/login`, isCallback)
  const mixed = new URL(again.url)
  mixed.searchParams.set('state', changed.searchParams.get('state') ?? '')
  assert.match((await other.request(mixed.href)).text, /not begun in this browser/)
  const jar = new Map(browser.jar(it.url))
  assert.equal((await browser.request(stopped.url)).response.status, 303)
  for (const [name, value] of jar) browser.jar(it.url).set(name, value)
  const twice = await browser.request(stopped.url)
  assert.equal(twice.response.status, 503)
  assert.match(twice.text, /invalid_grant/)
})

test('refused: another provider’s answer, the provider’s own refusal, no code', async (t) => {
  const { it } = await openWorld(t)
  for (const [query, says] of [
    ['iss=https://evil.example.com&code=x', /another provider/],
    ['error=access_denied<script>', /the provider refused: access_deniedscript/],
    ['', /sent no code/],
    [`code=${'x'.repeat(5000)}`, /sent no code/],
  ] as const) {
    const browser = createBrowser()
    const { location = '' } = await browser.request(`${it.url}/auth/login`)
    const state = new URL(location).searchParams.get('state')
    const { response, text } = await browser.request(`${it.url}/auth/callback?state=${state}&${query}`)
    assert.equal(response.status, 403)
    assert.match(text, says)
  }
})

test('the request to the provider has PKCE, state and nonce, new ones each time', async (t) => {
  const { it, provider } = await openWorld(t)
  const ask = async () => {
    const { location = '', response } = await createBrowser().request(`${it.url}/auth/login`)
    return { url: new URL(location), cookie: response.headers.getSetCookie()[0] ?? '' }
  }
  const [one, two] = [await ask(), await ask()]
  assert.equal(one.url.origin, provider.url)
  assert.equal(one.url.searchParams.get('code_challenge_method'), 'S256')
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.match(one.url.searchParams.get(name) ?? '', /^[\w-]{43}$/)
    assert.notEqual(one.url.searchParams.get(name), two.url.searchParams.get(name))
  }
  assert.match(one.cookie, /^mayfly-sign-in=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/)
})

test('behind TLS cookies are __Host- and Secure', async (t) => {
  const it = await openServer(t, {
    url: 'https://mayfly.example.com',
    policy: policyText(),
    fetch: discovery,
  })
  const answer = await it.call('GET', '/auth/login')
  assert.match(
    answer.headers.getSetCookie()[0] ?? '',
    /^__Host-mayfly-sign-in=\S+; Path=\/; .*HttpOnly; SameSite=Lax; Secure$/,
  )
})

const discovery: typeof fetch = async () =>
  Response.json({
    issuer: somewhere,
    authorization_endpoint: `${somewhere}/auth`,
    token_endpoint: `${somewhere}/token`,
    jwks_uri: `${somewhere}/jwks`,
  })

test('refused: a provider that calls itself something else, or has endpoints in the clear', async (t) => {
  for (const document of [
    {
      issuer: 'https://evil.example.com',
      authorization_endpoint: `${somewhere}/a`,
      token_endpoint: `${somewhere}/t`,
    },
    {
      issuer: somewhere,
      authorization_endpoint: 'http://people.example.com/a',
      token_endpoint: `${somewhere}/t`,
    },
    { issuer: somewhere, authorization_endpoint: `${somewhere}/a` },
  ]) {
    const it = await openServer(t, { fetch: async () => Response.json(document) })
    assert.equal((await it.call('GET', '/auth/login')).status, 503)
  }
})

test('a session ends when it was idle for half an hour, and after ten hours in any case', async (t) => {
  const { it, signIn, session } = await openWorld(t)
  await signIn()
  it.clock.aheadMs += 29 * 60_000
  assert.equal((await session()).status, 200)
  it.clock.aheadMs += 31 * 60_000
  assert.equal((await session()).status, 401)
  it.clock.aheadMs = 0
  await signIn()
  for (let i = 0; i < 24; i++) {
    it.clock.aheadMs += 25 * 60_000
    if ((i + 1) * 25 < 600) assert.equal((await session()).status, 200, `${i}`)
  }
  assert.equal((await session()).status, 401)
})

test('a sign-in makes a new session and ends the one before', async (t) => {
  const { it, browser, signIn } = await openWorld(t)
  await signIn()
  const first = browser.jar(it.url).get('mayfly') ?? ''
  await signIn()
  assert.notEqual(browser.jar(it.url).get('mayfly'), first)
  assert.equal(
    (await it.call('GET', '/auth/session', { headers: { cookie: `mayfly=${first}` } })).status,
    401,
  )
  const rows = await it.store.read.selectFrom('operator_sessions').select('hash').execute()
  assert.ok(rows.every(({ hash }) => hash !== first && /^[0-9a-f]{64}$/.test(hash)))
})

test('what a person may do follows the policy at once; another provider’s sessions are worth nothing', async (t) => {
  const { it, provider, signIn, session } = await openWorld(t)
  await signIn()
  const text = it.rules.current().text
  await it.apply(
    text.replace('everyone: { people: [anna, ben, cleo, mona, dora] }', 'everyone: { people: [ben] }'),
  )
  assert.deepEqual((await session()).body['scopes'], [])
  await it.apply(text.replace(provider.url, 'https://other.example.com'))
  assert.deepEqual((await session()).body['scopes'], [])
  assert.equal(
    (await it.call('GET', '/v1/policy', { headers: { cookie: 'mayfly=a; mayfly=b' } })).status,
    401,
  )
})

test('refused: a change by cookie from another site, or without the session’s token', async (t) => {
  const { it, browser, signIn, session } = await openWorld(t)
  await signIn()
  const { csrf } = (await session()).body
  const good = { origin: it.url, 'x-mayfly-csrf': String(csrf) }
  const send = async (headers: Record<string, string>) =>
    (await browser.request(`${it.url}/v1/approvals/apr_x/deny`, { method: 'POST', headers })).response.status
  assert.equal(await send(good), 404)
  const { origin: _, ...noOrigin } = good
  const { 'x-mayfly-csrf': __, ...noToken } = good
  for (const headers of [
    noOrigin,
    noToken,
    { ...good, origin: 'null' },
    { ...good, origin: 'https://evil.example.com' },
    { ...good, origin: `${it.url}.evil.example.com` },
    { ...good, 'sec-fetch-site': 'cross-site' },
    { ...good, 'sec-fetch-site': 'same-site' },
    { ...good, 'x-mayfly-csrf': createHash('sha256').update('x').digest('hex') },
  ])
    assert.equal(await send(headers), 403, JSON.stringify(headers))
})

test('a link to an approval leads through sign-in to it, where its form approves', async (t) => {
  const { it, provider, browser } = await openWorld(t)
  const signer = await it.signer()
  const asked = await it.exchange(signer, it.identityToken({ ref: 'refs/heads/<script>alert(1)</script>' }))
  const link = String(asked.body['verification_uri'])
  provider.state.account = { sub: 'anna-1' }
  const arrived = await browser.follow(link)
  assert.equal(arrived.url, link)
  assert.match(arrived.text, /git:push git\/octo-org\/app@refs\/tags\/v\*/)
  assert.ok(arrived.text.includes('&lt;script&gt;') && !arrived.text.includes('<script>'))
  const csrf = /name="csrf" value="([0-9a-f]{64})"/.exec(arrived.text)?.[1] ?? ''
  const post = (form: Record<string, string>, origin = it.url) =>
    browser.request(link, { method: 'POST', form, headers: { origin } })
  assert.equal((await post({ verdict: 'approve' })).response.status, 403)
  assert.equal((await post({ verdict: 'approve', csrf }, 'https://evil.example.com')).response.status, 403)
  assert.equal((await post({ verdict: 'perhaps', csrf })).response.status, 400)
  assert.equal((await post({ verdict: 'approve', csrf, reason: 'fine' })).response.status, 303)
  it.clock.aheadMs += 5_000
  assert.equal((await it.poll(signer, asked.body['device_code'])).status, 200)
})

test('pages allow no script, no frame, and tell no address to others', async (t) => {
  const { it, browser, signIn } = await openWorld(t)
  await signIn()
  const { response } = await browser.request(`${it.url}/approvals`)
  assert.match(
    response.headers.get('content-security-policy') ?? '',
    /default-src 'none'.*frame-ancestors 'none'/,
  )
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.equal(response.headers.get('referrer-policy'), 'same-origin')
})

const cli = () => {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  return { verifier, query: { port: '45678', challenge, state: randomBytes(24).toString('base64url') } }
}

test('mayfly login: the browser brings a code to loopback, which with its verifier is a token, once', async (t) => {
  const { it, browser } = await openWorld(t)
  const { verifier, query } = cli()
  const arrived = await browser.follow(`${it.url}/auth/cli?${new URLSearchParams(query).toString()}`)
  assert.match(arrived.text, /shows <strong>[0-9A-F]{4}-[0-9A-F]{4}<\/strong>/)
  const csrf = /name="csrf" value="([0-9a-f]{64})"/.exec(arrived.text)?.[1] ?? ''
  const allow = (form: Record<string, string>) =>
    browser.request(`${it.url}/auth/cli`, {
      method: 'POST',
      form: { ...query, ...form },
      headers: { origin: it.url },
    })
  assert.equal((await allow({})).response.status, 403)
  const { location = '' } = await allow({ csrf })
  const back = new URL(location)
  assert.deepEqual([back.origin, back.searchParams.get('state')], ['http://127.0.0.1:45678', query.state])
  const redeem = (code: string | null, secret: string) =>
    it.call('POST', '/auth/cli/token', { json: { code, verifier: secret } })
  const made = await redeem(back.searchParams.get('code'), verifier)
  assert.equal(made.status, 200)
  const headers = { authorization: `Bearer ${String(made.body['token'])}` }
  assert.equal((await it.call('GET', '/auth/session', { headers })).body['name'], 'anna')
  assert.equal((await redeem(back.searchParams.get('code'), verifier)).status, 403)
  const second = new URL((await allow({ csrf })).location ?? '').searchParams.get('code')
  assert.equal((await redeem(second, 'x'.repeat(43))).status, 403)
  const third = new URL((await allow({ csrf })).location ?? '').searchParams.get('code')
  it.clock.aheadMs += 60_000
  assert.equal((await redeem(third, verifier)).status, 403)
  assert.equal((await it.call('DELETE', '/auth/session', { headers })).status, 200)
  assert.equal((await it.call('GET', '/auth/session', { headers })).status, 401)
})

test('refused: a code to another place than a loopback port, and without a challenge', async (t) => {
  const { it } = await openWorld(t)
  const { query } = cli()
  for (const changes of [
    { port: '80' },
    { port: '127.0.0.1:1@evil.example' },
    { port: '99999' },
    { challenge: 'x' },
    { state: 'a&b' },
  ]) {
    const answer = await it.call(
      'GET',
      `/auth/cli?${new URLSearchParams({ ...query, ...changes }).toString()}`,
    )
    assert.equal(answer.status, 400, JSON.stringify(changes))
  }
})

test('without sign_in nobody can sign in, and an API token is no person', async (t) => {
  const policy = policyText()
    .replace(/sign_in:[^]*?roles:/, 'roles:')
    .replace('security: { claim: [security] }', 'security: { people: [cleo] }')
    .replace(/\n {4}approval: .*\n/, '\n')
  const it = await openServer(t, { policy })
  assert.equal((await it.call('GET', '/auth/login')).status, 404)
  assert.equal((await it.asAdmin('GET', '/auth/session')).body['person'], false)
  assert.equal((await it.asAdmin('DELETE', '/auth/session')).status, 403)
})

test('property: after sign-in nobody is sent elsewhere', () => {
  const url = 'https://mayfly.example.com'
  for (const bad of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/..//evil.example',
    'javascript:alert(1)',
    '/a\nb',
    '',
    '\\/evil',
  ])
    assert.equal(ownPath(bad, url), '/approvals', bad)
  assert.equal(ownPath('/approvals/apr_1?x=1', url), '/approvals/apr_1?x=1')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.string().map((text) => `/${text}`),
      ),
      (text) => {
        const path = ownPath(text, url)
        assert.equal(new URL(path, url).origin, url)
        assert.doesNotMatch(path, /^\/[/\\]/)
      },
    ),
  )
})
