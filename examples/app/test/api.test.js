import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestApp } from './helpers.js'

function assertProblem(response, status, code) {
  assert.equal(response.statusCode, status, response.body)
  assert.match(response.headers['content-type'], /^application\/problem\+json/)
  const problem = response.json()
  assert.equal(problem.status, status)
  assert.equal(problem.code, code)
  assert.equal(problem.requestId, response.headers['x-request-id'])
  return problem
}

test('a link is created, read, changed and deleted', async (t) => {
  const { api } = await createTestApp(t)
  const created = await api('POST', '/api/links', { slug: 'docs', url: 'https://example.com/docs' })
  assert.equal(created.statusCode, 201)
  assert.equal(created.headers.location, '/api/links/docs')
  assert.equal(created.headers['cache-control'], 'no-store')
  assert.deepEqual(created.json(), {
    slug: 'docs',
    shortUrl: 'https://go.example.com/docs',
    url: 'https://example.com/docs',
    createdAt: '2026-03-01T12:00:00.000Z',
    createdBy: 'alice',
    updatedAt: '2026-03-01T12:00:00.000Z',
    expiresAt: null,
    hits: 0,
  })
  assert.deepEqual((await api('GET', '/api/links/docs')).json(), created.json())

  const changed = await api('PATCH', '/api/links/docs', { expiresAt: '2026-04-01T00:00:00+02:00' })
  assert.equal(changed.json().expiresAt, '2026-03-31T22:00:00.000Z')
  assert.equal(changed.json().url, 'https://example.com/docs')
  assert.equal((await api('PATCH', '/api/links/docs', { expiresAt: null })).json().expiresAt, null)

  assert.equal((await api('DELETE', '/api/links/docs')).statusCode, 204)
  for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { expiresAt: null }]])
    assertProblem(await api(method, '/api/links/docs', body), 404, 'not_found')
})

test('a slug is made up when none is given', async (t) => {
  const { app, api } = await createTestApp(t)
  const { slug } = (await api('POST', '/api/links', { url: 'https://example.com/' })).json()
  assert.match(slug, /^\w{7}$/)
  assert.equal((await app.inject(`/${slug}`)).headers.location, 'https://example.com/')
})

test('a redirect is temporary, uncached and counted', async (t) => {
  const { app, api } = await createTestApp(t)
  await api('POST', '/api/links', { slug: 'docs', url: 'https://example.com/docs' })
  for (const method of ['GET', 'GET', 'HEAD']) {
    const response = await app.inject({ method, url: '/docs' })
    assert.equal(response.statusCode, 302)
    assert.equal(response.headers.location, 'https://example.com/docs')
    assert.equal(response.headers['cache-control'], 'no-store')
    assert.equal(response.headers['x-content-type-options'], 'nosniff')
  }
  assert.equal((await api('GET', '/api/links/docs')).json().hits, 2)
  for (const url of ['/DOCS', '/nope', '/favicon.ico', '/', '/a/b', '/__proto__'])
    assertProblem(await app.inject(url), 404, 'not_found')
})

test('a link expires', async (t) => {
  const { app, api, now } = await createTestApp(t)
  await api('POST', '/api/links', {
    slug: 'sale',
    url: 'https://example.com/',
    expiresAt: '2026-03-01T12:00:01Z',
  })
  now.advance(999)
  assert.equal((await app.inject('/sale')).statusCode, 302)
  now.advance(1)
  assertProblem(await app.inject('/sale'), 410, 'expired')
  assert.equal((await api('GET', '/api/links/sale')).json().hits, 1)
})

test('pages go through all links, in order of creation', async (t) => {
  const { api, store } = await createTestApp(t)
  for (const slug of ['e5', 'd4', 'c3', 'b2', 'a1'])
    await api('POST', '/api/links', { slug, url: 'https://example.com/' })
  await store.delete('d4')
  const seen = []
  let next = 0
  do {
    const page = (await api('GET', `/api/links?limit=2&after=${next}`)).json()
    seen.push(page.links.map(({ slug }) => slug))
    next = page.next
  } while (next !== null)
  assert.deepEqual(seen, [
    ['e5', 'c3'],
    ['b2', 'a1'],
  ])
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'after=-1', 'page=2'])
    assertProblem(await api('GET', `/api/links?${query}`), 400, 'validation_failed')
})

test('the API needs a token, redirects and health do not', async (t) => {
  const { app } = await createTestApp(t)
  for (const authorization of [undefined, 'Bearer wrong']) {
    const headers = authorization ? { authorization } : {}
    for (const [method, url] of [
      ['GET', '/api/links'],
      ['POST', '/api/links'],
      ['DELETE', '/api/links/docs'],
    ]) {
      const response = await app.inject({ method, url, headers })
      assertProblem(response, 401, 'unauthorized')
      assert.equal(response.headers['www-authenticate'], 'Bearer')
    }
  }
  assert.deepEqual((await app.inject('/healthz')).json(), { status: 'ok' })
  assert.deepEqual((await app.inject('/readyz')).json(), { status: 'ok', links: 0 })
})

const invalidBodies = [
  [{}, ''],
  [{ url: 5 }, '/url'],
  [{ url: '' }, '/url'],
  [{ url: 'https://example.com/', hits: 9 }, '/hits'],
  [{ url: 'https://example.com/', slug: '../x' }, '/slug'],
  [{ url: 'https://example.com/', expiresAt: 'tomorrow' }, '/expiresAt'],
  [[], ''],
]

test('an invalid body is refused, and the answer says where', async (t) => {
  const { api, store } = await createTestApp(t)
  for (const [body, path] of invalidBodies) {
    const problem = assertProblem(await api('POST', '/api/links', body), 400, 'validation_failed')
    assert.equal(problem.errors[0].path, path)
  }
  assertProblem(await api('PATCH', '/api/links/docs', {}), 400, 'validation_failed')
  assertProblem(await api('PATCH', '/api/links/docs', { slug: 'other' }), 400, 'validation_failed')
  assert.equal(store.size, 0)
})

test('what is well-formed but not acceptable has its own code', async (t) => {
  const { api } = await createTestApp(t)
  const url = 'https://example.com/'
  await api('POST', '/api/links', { slug: 'docs', url })
  assertProblem(await api('POST', '/api/links', { slug: 'docs', url }), 409, 'slug_taken')
  assertProblem(await api('POST', '/api/links', { slug: 'Api', url }), 422, 'slug_reserved')
  assertProblem(await api('POST', '/api/links', { url: 'javascript:alert(1)' }), 422, 'target_scheme')
  assertProblem(
    await api('POST', '/api/links', { url: 'https://go.example.com/docs' }),
    422,
    'target_is_self',
  )
  assertProblem(
    await api('POST', '/api/links', { url, expiresAt: '2026-03-01T12:00:00Z' }),
    422,
    'expiry_past',
  )
  assertProblem(await api('PATCH', '/api/links/docs', { url: 'ftp://example.com' }), 422, 'target_scheme')
})

test('malformed requests are answered in the same shape', async (t) => {
  const { app, authorization } = await createTestApp(t)
  const post = (type, payload) =>
    app.inject({
      method: 'POST',
      url: '/api/links',
      headers: { authorization, 'content-type': type },
      payload,
    })
  assertProblem(await post('application/json', '{"url":'), 400, 'bad_request')
  assertProblem(await post('application/json', `{"url":"${'x'.repeat(20_000)}"}`), 413, 'bad_request')
  assertProblem(await post('application/xml', '<url/>'), 415, 'bad_request')
  assertProblem(await app.inject('/%E0%A4'), 400, 'bad_request')
})

test('one caller has one limit, over redirects, wrong tokens and misses', async (t) => {
  const { app } = await createTestApp(t, { LINKS_RATE_PER_MINUTE: '3' })
  assert.equal((await app.inject('/nope')).statusCode, 404)
  assert.equal((await app.inject('/api/links')).statusCode, 401)
  assert.equal((await app.inject('/no/such/path')).statusCode, 404)
  for (const url of ['/nope', '/api/links', '/no/such/path']) {
    const response = await app.inject(url)
    assertProblem(response, 429, 'rate_limited')
    assert.ok(Number(response.headers['retry-after']) > 0)
  }
  assert.equal((await app.inject('/healthz')).statusCode, 200)
  assert.equal((await app.inject({ url: '/nope', remoteAddress: '192.0.2.7' })).statusCode, 404)
})

test('a forwarded address counts only when it comes from a trusted proxy', async (t) => {
  const env = { LINKS_RATE_PER_MINUTE: '1', LINKS_TRUST_PROXY: '10.0.0.0/8' }
  const { app } = await createTestApp(t, env)
  const get = (remoteAddress, forwarded) =>
    app.inject({ url: '/nope', remoteAddress, headers: { 'x-forwarded-for': forwarded } })
  assert.equal((await get('10.1.1.1', '198.51.100.1')).statusCode, 404)
  assert.equal((await get('10.1.1.1', '198.51.100.2')).statusCode, 404)
  assert.equal((await get('10.1.1.1', '198.51.100.2')).statusCode, 429)
  assert.equal((await get('203.0.113.9', '198.51.100.3')).statusCode, 404)
  assert.equal((await get('203.0.113.9', '198.51.100.4')).statusCode, 429)
})

test('a failed store makes changes and readiness fail, redirects go on', async (t) => {
  const { app, api, store } = await createTestApp(t)
  await api('POST', '/api/links', { slug: 'docs', url: 'https://example.com/' })
  store.fail(new Error('disk full'))
  assertProblem(await api('POST', '/api/links', { url: 'https://example.com/' }), 503, 'store_unavailable')
  assertProblem(await app.inject('/readyz'), 503, 'store_unavailable')
  assert.equal((await app.inject('/docs')).statusCode, 302)
  assert.equal((await app.inject('/healthz')).statusCode, 200)
})

test('an unexpected error does not show its inside', async (t) => {
  const { app, store } = await createTestApp(t)
  store.get = () => {
    throw new Error('secret path /srv/x')
  }
  const problem = assertProblem(await app.inject('/docs'), 500, 'internal')
  assert.ok(!JSON.stringify(problem).includes('secret'))
})
