import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../lib/index.ts'
import { startUpstream, type Seen } from '../upstream.fixture.ts'
import { readChallenge, readToken, tokenUrl } from './challenge.ts'
import {
  digest,
  errorOf,
  manifestOf,
  manifestType,
  openRegistryWorld,
  registryHost,
  type Reply,
} from './oci.fixture.ts'

const manifest = manifestOf('layer')
const path = '/v2/octo/app/manifests/v1'
const injected = `Basic ${Buffer.from('injected:for-images').toString('base64')}`

/** A registry that wants a token of its own for each scope. */
function wantTokens({ replies }: Awaited<ReturnType<typeof openRegistryWorld>>, realm: string): void {
  const challenge = {
    'www-authenticate': `Bearer realm="${realm}",service="the registry",scope="repository:*:*"`,
  }
  const guarded =
    (scope: string, reply: Reply) =>
    ({ headers }: Seen): Reply =>
      headers.authorization === `Bearer token-for-${scope}` ? reply : { status: 401, headers: challenge }
  replies.set(
    `GET ${path}`,
    guarded('repository:octo/app:pull', {
      status: 200,
      headers: { 'content-type': manifestType },
      body: manifest,
    }),
  )
  replies.set(
    `POST /v2/octo/app/blobs/uploads/`,
    guarded('repository:octo/app:pull,push', { status: 202, headers: { location: '/u/1' } }),
  )
}

/** What a token server says to each scope. */
const tokenFor = ({ url }: Pick<Seen, 'url'>): Reply => {
  const scopes = new URL(url, 'https://x').searchParams.getAll('scope')
  return { status: 200, body: JSON.stringify({ token: `token-for-${scopes.join('+')}`, expires_in: 300 }) }
}

test('the token flow is done here, for exactly what is asked, and its tokens are kept', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:pull images/octo/app', 'oci:push images/octo/app'])
  wantTokens(opened, `https://${registryHost}/token?a=b`)
  const at = (scope: string) => `GET /token?a=b&service=the+registry&scope=${encodeURIComponent(scope)}`
  for (const scope of ['repository:octo/app:pull', 'repository:octo/app:pull,push'])
    opened.replies.set(at(scope), tokenFor)
  for (let i = 0; i < 2; i++) assert.equal((await opened.ask('GET', path)).status, 200)
  assert.equal((await opened.ask('POST', '/v2/octo/app/blobs/uploads/')).status, 202)
  assert.deepEqual(
    opened.seen().map(({ method, url, headers }) => [`${method} ${url}`, headers.authorization]),
    [
      [`GET ${path}`, injected],
      [at('repository:octo/app:pull'), injected],
      [`GET ${path}`, 'Bearer token-for-repository:octo/app:pull'],
      [`GET ${path}`, 'Bearer token-for-repository:octo/app:pull'],
      [at('repository:octo/app:pull,push'), injected],
      ['POST /v2/octo/app/blobs/uploads/', 'Bearer token-for-repository:octo/app:pull,push'],
    ],
  )
})

test('tokens of another host: only of the one that the connection names', async (t) => {
  const tokens = await startUpstream(t, 'localhost')
  tokens.handle = (request, response) => {
    const { status, body = '' } = tokenFor({ url: request.url ?? '' })
    response.writeHead(status).end(body)
  }
  const host = `localhost:${tokens.port}`
  const unnamed = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  wantTokens(unnamed, `https://${host}/token`)
  const refused = await unnamed.ask('GET', path)
  assert.equal(refused.status, 403)
  assert.match(errorOf(refused).message, new RegExp(`add to it in mayfly\\.yaml: token_host: "${host}"`))
  assert.equal(tokens.seen.length, 0)
  const named = await openRegistryWorld(t, ['oci:pull images/octo/app'], {
    connection: { token_host: host },
    ca: tokens.ca,
  })
  wantTokens(named, `https://${host}/token`)
  assert.equal((await named.ask('GET', path)).status, 200)
  assert.equal(tokens.seen[0]?.headers.authorization, injected)
})

test('a public registry gives tokens to nobody in particular', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:pull images/octo/app'], {
    connection: { credential: undefined },
  })
  wantTokens(opened, `https://${registryHost}/token`)
  opened.replies.set(
    `GET /token?service=the+registry&scope=${encodeURIComponent('repository:octo/app:pull')}`,
    tokenFor,
  )
  assert.equal((await opened.ask('GET', path)).status, 200)
  assert.deepEqual(
    opened.seen().map(({ headers }) => headers.authorization),
    [undefined, undefined, 'Bearer token-for-repository:octo/app:pull'],
  )
})

test('a registry that refuses its own token is not asked without end', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  opened.replies.set(`GET ${path}`, {
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="https://${registryHost}/token"` },
  })
  opened.replies.set('GET /token?scope=repository%3Aocto%2Fapp%3Apull', tokenFor)
  const answer = await opened.ask('GET', path)
  assert.equal(answer.status, 403)
  assert.match(
    errorOf(answer).message,
    /does not take the token that it asked for.*an operator must renew its secret/,
  )
  assert.equal(opened.requests().length, 3)
  assert.doesNotMatch(answer.head, /www-authenticate/i)
})

const refusals: readonly (readonly [string, Reply, RegExp])[] = [
  ['no realm', { status: 401 }, /refused the credential of connection "images" \(401\)/],
  [
    'Basic',
    { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    /refused the credential of connection "images" \(401\)/,
  ],
  [
    'a realm by http://',
    { status: 401, headers: { 'www-authenticate': 'Bearer realm="http://evil.example/token"' } },
    /takes tokens of evil\.example/,
  ],
  [
    'a realm with a user',
    { status: 401, headers: { 'www-authenticate': `Bearer realm="https://me:x@${registryHost}/"` } },
    /takes tokens of git\.test/,
  ],
  ['403', { status: 403 }, /refused the credential of connection "images" \(403\)/],
]
for (const [what, reply, reason] of refusals) {
  test(`a registry that answers with ${what}: the operator is told`, async (t) => {
    const opened = await openRegistryWorld(t, ['oci:pull images/octo/app'])
    opened.replies.set(`GET ${path}`, reply)
    const answer = await opened.ask('GET', path)
    assert.equal(answer.status, 403)
    assert.match(errorOf(answer).message, reason)
    assert.equal(opened.requests().length, 1)
  })
}

test('challenges are read as they are written, and their scope is not believed', () => {
  const challenge = readChallenge(
    'Basic realm="b", Bearer realm="https://a/t?x=1",service="s s",scope="repository:all:*"',
  )
  assert.ok(challenge !== undefined)
  assert.equal(
    tokenUrl(challenge, ['repository:a:pull']).href,
    'https://a/t?x=1&service=s+s&scope=repository%3Aa%3Apull',
  )
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer realm=""',
    'Bearer realm="not a url"',
    `Bearer realm="https://a/${'x'.repeat(5000)}"`,
  ])
    assert.equal(readChallenge(header), undefined)
})

test('what is no token is none', () => {
  const clock = { nowMs: () => 1_000_000 }
  const read = (answer: unknown) => readToken(Buffer.from(JSON.stringify(answer)), clock)
  assert.equal(read({ token: 'a' })?.untilMs, 1_030_000)
  assert.equal(read({ access_token: 'a', expires_in: 300 })?.untilMs, 1_150_000)
  assert.equal(read({ token: 'a', expires_in: 1e12 })?.untilMs, 2_800_000)
  for (const answer of [{}, [], null, 'x', { token: 'a\r\nb' }, { token: 'ä' }, { token: '' }, { token: 1 }])
    assert.equal(read(answer), undefined)
  assert.equal(readToken(undefined, systemClock), undefined)
})

test('blobs from a storage host: only from one that the connection names, and without a credential', async (t) => {
  const storage = await startUpstream(t, 'localhost')
  storage.handle = (request, response) => {
    if (request.url === '/again') return void response.writeHead(302, { location: '/again' }).end()
    if (request.url === '/back')
      return void response.writeHead(302, { location: `https://evil.example/x` }).end()
    response
      .writeHead(200, { 'x-amz-id': 'secret', 'set-cookie': 'a=b', 'content-length': 5 })
      .end(request.url === '/evil' ? 'lAyer' : 'layer')
  }
  const host = `localhost:${storage.port}`
  const blob = `/v2/octo/app/blobs/${digest('layer')}`
  const sendTo = (place: string): Reply => ({ status: 307, headers: { location: place } })
  const unnamed = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  unnamed.replies.set(`GET ${blob}`, sendTo(`https://${host}/layer`))
  const refused = await unnamed.ask('GET', blob)
  assert.match(
    errorOf(refused).message,
    new RegExp(`add to connection "images" in mayfly\\.yaml: storage: \\["${host}"\\]`),
  )
  assert.equal(storage.seen.length, 0)
  const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app'], {
    connection: { storage: [host] },
    ca: storage.ca,
  })
  replies.set(`GET ${blob}`, sendTo(`https://${host}/layer?X-Amz-Signature=a%2Bb`))
  const answer = await ask('GET', blob)
  assert.equal(answer.body, 'layer')
  assert.doesNotMatch(answer.head, /x-amz|cookie|location/i)
  assert.equal(storage.seen[0]?.url, '/layer?X-Amz-Signature=a%2Bb')
  assert.equal(storage.seen[0]?.headers.authorization, undefined)
  replies.set(`GET ${blob}`, sendTo(`https://${host}/evil`))
  assert.equal((await ask('GET', blob)).body, '')
  for (const [place, reason] of [
    [`https://${host}/again`, /without end/],
    [`https://${host}/back`, /storage: \["evil\.example"\]/],
    [`http://${host}/layer`, /no place of files by https/],
  ] as const) {
    replies.set(`GET ${blob}`, sendTo(place))
    assert.match(errorOf(await ask('GET', blob)).message, reason, place)
  }
})

test('a blob that the registry keeps elsewhere on its own host is asked for with the credential', async (t) => {
  const { ask, replies, seen } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  const blob = `/v2/octo/app/blobs/${digest('layer')}`
  replies.set(`GET ${blob}`, { status: 302, headers: { location: '/files/1' } })
  replies.set('GET /files/1', { status: 200, body: 'layer' })
  assert.equal((await ask('GET', blob)).body, 'layer')
  assert.equal(seen()[1]?.headers.authorization, injected)
})

test('manifests and lists of tags that the registry redirects are followed as blobs are', async (t) => {
  const { ask, replies, seen } = await openRegistryWorld(t, [
    'oci:pull images/octo/app',
    'oci:list images/octo/app',
  ])
  const manifest = manifestOf('layer')
  replies
    .set('GET /v2/octo/app/manifests/v1', { status: 307, headers: { location: '/elsewhere/v1' } })
    .set('GET /elsewhere/v1', { status: 200, headers: { 'content-type': manifestType }, body: manifest })
    .set('GET /v2/octo/app/tags/list', { status: 302, headers: { location: '/elsewhere/tags' } })
    .set('GET /elsewhere/tags', { status: 200, body: '{"name":"octo/app","tags":["v1"]}' })
  assert.equal((await ask('GET', '/v2/octo/app/manifests/v1')).body, manifest.toString())
  assert.match((await ask('GET', '/v2/octo/app/tags/list')).body, /"tags":\["v1"\]/)
  assert.deepEqual([...new Set(seen().map(({ headers }) => headers.authorization))], [injected])
  replies.set('GET /v2/octo/app/manifests/v1', {
    status: 307,
    headers: { location: 'https://evil.example/v1' },
  })
  const refused = await ask('GET', '/v2/octo/app/manifests/v1')
  assert.match(errorOf(refused).message, /storage: \["evil\.example"\]/)
})
