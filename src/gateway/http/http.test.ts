import assert from 'node:assert/strict'
import { MayflyError, TryLater } from '../../lib/index.ts'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { compileRules, openWorld } from '../gateway.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'
import { strippedQuery } from '../plain-headers.ts'

const host = 'api.test'

/** `framed`: its head says already where it ends. */
type Body = string | { readonly text: string; readonly framed: true }

async function apiWorld(
  t: TestContext,
  grants: readonly string[],
  credential: unknown = { bearer: 'secret:api' },
) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const api = {
    kind: 'http',
    url: `https://${host}/base`,
    dial: `127.0.0.1:${upstream.port}`,
    ca: upstream.ca,
  }
  const rules = compileRules({ api: { ...api, credential } }, grants)
  world.setTargets(rules.targets, rules.policy)
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body: Body = '') =>
    world.ask(
      `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(
          '',
        )}${typeof body === 'object' || body === '' ? '' : `Content-Length: ${body.length}\r\n`}\r\n${typeof body === 'object' ? body.text : body}`,
      { authority: `${host}:443` },
    )
  return { world, upstream, ask }
}

test('a method and path that are granted pass with body and query; others are not sent', async (t) => {
  const { upstream, ask, world } = await apiWorld(t, ['http:get api/v1/*', 'http:post api/v1/deployments'])
  assert.equal((await ask('GET', '/base/v1/items?page=2&per_page=50')).status, 200)
  assert.equal((await ask('HEAD', '/base/v1/items')).status, 200)
  assert.equal(
    (await ask('POST', '/base/v1/deployments', { 'content-type': 'text/plain' }, 'hello')).status,
    200,
  )
  assert.deepEqual(
    upstream.seen.map(({ method, url, body }) => [method, url, body.toString()]),
    [
      ['GET', '/base/v1/items?page=2&per_page=50', ''],
      ['HEAD', '/base/v1/items', ''],
      ['POST', '/base/v1/deployments', 'hello'],
    ],
  )
  for (const [method, path] of [
    ['POST', '/base/v1/items'],
    ['DELETE', '/base/v1/items'],
    ['GET', '/base/v2/items'],
    ['TRACE', '/base/v1/items'],
    ['PROPFIND', '/base/v1/items'],
  ] as const) {
    const { status, body } = await ask(method, path)
    assert.equal(status, 403, `${method} ${path}`)
    assert.match(body, /^mayfly: refused: http/)
  }
  for (const path of ['/base/v1/../v2/items', '/base/v1/%2e%2e/x', '/other/v1/items', '/base//v1/items'])
    assert.equal((await ask('GET', path)).status, 400, path)
  assert.equal(upstream.seen.length, 3)
  assert.match(JSON.stringify(world.audit.ofType('access.denied')), /http:post api\/v1\/items/)
})

test('a body is never read as another request, whatever the method', async (t) => {
  const { upstream, ask } = await apiWorld(t, ['http:call api/ok'])
  const hidden = `GET /base/hidden HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH']) {
    const chunked = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`
    await ask(method, '/base/ok', { 'Transfer-Encoding': 'chunked' }, { text: chunked, framed: true })
    await ask(method, '/base/ok', {}, hidden)
    // On the same connection to the host: what had been left there would be answered first.
    await ask('GET', '/base/ok')
    const seen = upstream.seen.splice(0)
    assert.deepEqual(
      seen.map((one) => [one.method, one.url, one.body.toString()]),
      [
        [method, '/base/ok', hidden],
        [method, '/base/ok', hidden],
        ['GET', '/base/ok', ''],
      ],
    )
  }
})

test('what a step could authenticate itself with does not ride along', async (t) => {
  const { upstream, ask } = await apiWorld(t, ['http:call api/*'])
  await ask('GET', '/base/x', {
    Authorization: 'Bearer mine',
    Cookie: 'session=mine',
    'X-Api-Key': 'mine',
    'Private-Token': 'mine',
    'JOB-TOKEN': 'mine',
    'X-Vault-Token': 'mine',
    'X-Goog-Api-Key': 'mine',
    'X-Amz-Security-Token': 'mine',
    'Proxy-Authorization': 'mine',
    'X-HTTP-Method-Override': 'DELETE',
    'X-Forwarded-For': '127.0.0.1',
    ...Object.fromEntries(
      'X-Original-URL X-Rewrite-URL X-Original-Host X-Host True-Client-IP X-Real-IP Client-IP X-Remote-User Impersonate-User Impersonate-Group Impersonate-Extra-scopes Sudo X-JFrog-Art-Api DD-API-KEY DD-APPLICATION-KEY Circle-Token Fastly-Key X-Honeycomb-Team X-Sentry-Auth X-License-Key CF-Access-Client-Id CF-Access-Client-Secret X-Authorization X-Token X-Secret X-Key'
        .split(' ')
        .map((name) => [name, 'mine']),
    ),
    'X-Trace': 'kept',
    'Idempotency-Key': 'kept',
    Accept: 'application/json',
  })
  const [seen] = upstream.seen
  assert.doesNotMatch(JSON.stringify(seen?.headers), /mine|DELETE|127\.0\.0\.1/)
  assert.equal(seen?.headers['x-trace'], 'kept')
  assert.equal(seen?.headers['idempotency-key'], 'kept')
  assert.equal(seen?.headers.accept, 'application/json')
  assert.match(seen?.headers.authorization ?? '', /^Basic /)
  for (const query of [
    'private_token=mine',
    'access%5Ftoken=mine',
    'a=b&_method=delete',
    'JOB_TOKEN=x',
    'token[]=x',
    'a%=b',
    'access.token=x',
    'access+token=x',
    'api-key=x',
    'sig=x',
    'hapikey=x',
    'subscription-key=x',
    'bearer_token=x',
    'sudo=root',
    `key=${'A'.repeat(39)}`,
  ])
    assert.ok([400, 403].includes((await ask('GET', `/base/x?${query}`)).status), query)
  assert.equal(upstream.seen.length, 1)
  for (const query of ['page_token=x', 'next-token=x', 'key=PROJ', 'tokens=3'])
    assert.equal((await ask('GET', `/base/x?${query}`)).status, 200, query)
})

test('a credential stands in the header or query parameter that the connection names', async (t) => {
  const value = `Basic ${Buffer.from('injected:for-api').toString('base64')}`
  const header = await apiWorld(t, ['http:get api/*'], {
    header: { name: 'X-Api-Key', secret: 'secret:api' },
  })
  await header.ask('GET', '/base/x', { 'x-api-key': 'mine' })
  assert.equal(header.upstream.seen[0]?.headers['x-api-key'], value)
  assert.equal(header.upstream.seen[0]?.headers.authorization, undefined)
  const query = await apiWorld(t, ['http:get api/*'], { query: { name: 'appid', secret: 'secret:api' } })
  await query.ask('GET', '/base/x?q=1')
  assert.equal(query.upstream.seen[0]?.url, `/base/x?q=1&appid=${encodeURIComponent(value)}`)
  for (const own of ['appid=mine', 'app%69d=mine', 'APPID=mine'])
    assert.equal((await query.ask('GET', `/base/x?${own}`)).status, 403, own)
  assert.equal(query.upstream.seen.length, 1)
})

test('a form is read as its server reads it: no credential and no other method in it', async (t) => {
  const { world, upstream } = await apiWorld(t, ['http:post api/v1/*'])
  const send = (form: string) =>
    world.ask(
      `POST /base/v1/items HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`,
      { authority: `${host}:443` },
    )
  for (const form of ['a=1&_method=DELETE', 'private_token=mine', '%5fmethod=PUT', 'sudo=root'])
    assert.equal((await send(form)).status, 403, form)
  const untyped = 'private_token=mine'
  const head = `POST /base/v1/items HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: ${untyped.length}`
  assert.equal(upstream.seen.length, 0)
  // Without a type it is no form to anybody.
  assert.equal((await world.ask(`${head}\r\n\r\n${untyped}`, { authority: `${host}:443` })).status, 200)
  assert.equal(upstream.seen.at(-1)?.headers['content-type'], 'application/octet-stream')
  assert.equal((await send('title=x&body=a+b%26c')).status, 200)
  assert.equal(upstream.seen.at(-1)?.body.toString(), 'title=x&body=a+b%26c')
})

test('redirects stay on the connection and carry no credential; other hosts are not handed on', async (t) => {
  const { upstream, ask } = await apiWorld(t, ['http:get api/*'])
  for (const [location, status, header] of [
    ['/base/y', 302, `https://${host}/base/y`],
    ['y', 302, `https://${host}/base/y`],
    [`https://${host}/base/y?page=2`, 307, `https://${host}/base/y?page=2`],
    ['https://evil.test/x', 502, undefined],
    ['//evil.test/x', 502, undefined],
    [`http://${host}/base/y`, 502, undefined],
    ['/base/y?access_token=minted', 502, undefined],
    ['https://[', 502, undefined],
  ] as const) {
    upstream.handle = (_request, response) =>
      void response.writeHead(status === 502 ? 302 : status, { location, 'set-cookie': 'a=b' }).end('x')
    const answer = await ask('GET', '/base/x')
    assert.equal(answer.status, status, location)
    assert.equal(/^location: (.*)$/im.exec(answer.head)?.[1]?.trim(), header, location)
    assert.doesNotMatch(`${answer.head}${answer.body}`, /minted|set-cookie/i)
  }
})

test('an issuer that is down or busy is 503 with Retry-After and no denial by policy; the message begins once and has one request id', async (t) => {
  const { world, ask } = await apiWorld(t, ['http:get api/*'])
  const { lease } = world.brokers.broker
  t.after(() => (world.brokers.broker.lease = lease))
  for (const [fault, seconds] of [
    [new MayflyError('upstream_unreachable', 'connection "api": issuer.test answers 500'), '5'],
    [new TryLater('connection "api": issuer.test is busy (429)', 61_000), '61'],
  ] as const) {
    world.brokers.broker.lease = () => Promise.reject(fault)
    const answer = await ask('GET', '/base/x')
    assert.equal(answer.status, 503)
    assert.match(answer.head, new RegExp(`retry-after: ${seconds}\\r`, 'i'))
    assert.match(
      answer.body,
      /^mayfly: refused: [^]*issuer\.test[^]*: the policy allows it, try again \(req_\w+\)\s*$/,
    )
    assert.equal(answer.body.match(/mayfly: |req_/g)?.length, 2)
  }
  world.brokers.broker.lease = () => Promise.reject(new MayflyError('credential_failed', 'no such client'))
  assert.equal((await ask('GET', '/base/x')).status, 403)
})

test('a host that refuses the credential is an operator’s to mend, and its challenge is not the step’s', async (t) => {
  const { world, upstream, ask } = await apiWorld(t, ['http:get api/*'])
  upstream.handle = (_request, response) =>
    void response.writeHead(401, { 'www-authenticate': 'Bearer realm="https://evil.test"' }).end('no')
  const answer = await ask('GET', '/base/x')
  assert.equal(answer.status, 502)
  assert.match(answer.body, /an operator must renew its secret/)
  assert.doesNotMatch(answer.head, /evil/)
  assert.match(world.brokers.refused.join('\n'), /^stp_\S+ Basic \S+$/, 'the broker knows which')
  assert.deepEqual(world.brokers.doubted, [])
  upstream.handle = (_request, response) => void response.writeHead(403).end('no')
  assert.equal((await ask('GET', '/base/x')).status, 403)
  assert.deepEqual(world.brokers.doubted, world.brokers.refused, 'a host that says 403 may mean the same')
})

test('a credential that was made a moment ago and is not known everywhere yet is sent again where that can be done; otherwise 503', async (t) => {
  const { world, upstream, ask } = await apiWorld(t, ['http:get api/*', 'http:post api/*'])
  let refusals = 1
  upstream.handle = (_request, response) => void response.writeHead(refusals-- > 0 ? 401 : 200).end('x')
  world.brokers.fresh = 1
  assert.equal((await ask('GET', '/base/x')).status, 200)
  assert.equal(upstream.seen.length, 2)
  refusals = world.brokers.fresh = 1
  const answer = await ask('POST', '/base/x', {}, 'body')
  assert.equal(answer.status, 503)
  assert.match(answer.head, /retry-after: 5\r/i)
  assert.match(answer.body, /does not know the credential yet/)
  assert.equal(upstream.seen.length, 3)
  assert.deepEqual(world.brokers.refused, [], 'it is not ended for that')
})

test('property: no parameter that carries a credential passes in any escaping', () => {
  const names = fc.constantFrom('access_token', 'private_token', 'job_token', '_method', 'X-Amz-Signature')
  fc.assert(
    fc.property(
      names,
      fc.array(fc.boolean(), { maxLength: 20 }),
      fc.constantFrom('', 'a=1&', 'b&'),
      (name, escaped, before) => {
        const written = [...name]
          .map((char, i) =>
            escaped[i] === true ? `%${char.charCodeAt(0).toString(16).padStart(2, '0')}` : char,
          )
          .join('')
        assert.equal(typeof strippedQuery(`${before}${written}=x`), 'object')
      },
    ),
  )
})
