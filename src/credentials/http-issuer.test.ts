import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { Secret } from '../lib/index.ts'
import { compileDocument } from '../rules/index.ts'
import {
  assertHidden,
  failsWith,
  leftBy,
  refusesOddAnswers,
  refusesOddCredentials,
  revealed,
  setUp,
  startApi,
  startMs,
  type Asked,
} from './api.fixture.ts'
import { httpIssuer } from './http-issuer.ts'

const admin = 'admin-key-4711'

interface Key {
  id: string
  name: string
  token: string
  ttl: number
}

/** An API of keys, as many have one: made by name, listed, prolonged, deleted; a key reads `/data`. */
async function startKeys(t: TestContext) {
  const keys: Key[] = []
  let made = 0
  const api = await startApi(t, (asked) => {
    const { method, path, headers, text } = asked
    if (path === '/data')
      return { status: keys.some(({ token }) => headers.authorization === `Bearer ${token}`) ? 200 : 401 }
    if (headers.authorization !== `Basic ${Buffer.from(`root:${admin}`).toString('base64')}`)
      return { status: 401 }
    if (method === 'GET') return listOf(keys, asked, api.url)
    if (method === 'POST') {
      const { name, ttl } = JSON.parse(text) as Key
      if (ttl > 3600) return { status: 422, json: { message: 'ttl is at most 3600' } }
      const key = { id: `${++made}/..?`, name, token: `key-${made}-secret`, ttl }
      keys.push(key)
      return { status: 201, json: { data: { key: key.token, ids: [key.id], ends: key.ttl } } }
    }
    const at = keys.findIndex(({ id }) => path === `/keys/${encodeURIComponent(id)}`)
    if (at === -1) return { status: 404 }
    if (method === 'DELETE') keys.splice(at, 1)
    return { json: { data: { ends: 1800 } } }
  })
  const keysAt = `${api.url}/keys`
  const basic = 'root:{secret.root}'
  const config = {
    admin: { root: 'secret:root' },
    mint: { method: 'POST', url: keysAt, basic, json: { name: 'ci {lease.name}', ttl: '{lease.ttl}' } },
    extract: { token: '$.data.key', id: '$.data.ids[0]', expires_in: '$.data.ends' },
    renew: { method: 'PATCH', url: `${keysAt}/{id}`, basic, form: { ttl: '{lease.ttl}' } },
    revoke: { method: 'DELETE', url: `${keysAt}/{id}`, basic },
    probe: { method: 'GET', url: `${api.url}/data`, headers: { authorization: 'Bearer {token}' } },
    find: {
      request: { method: 'GET', url: `${keysAt}?q={lease.name}`, basic },
      items: '$.keys',
      name: '$.name',
      id: '$.id',
    },
  }
  return { api, keys, config, world: setUp(httpIssuer, { api, config, secrets: { root: `${admin}\n` } }) }
}

/** One on a page, whatever was searched for. */
function listOf(keys: Key[], { query }: Asked, url: string) {
  const page = Number(query.get('page') ?? 0)
  const more = page + 1 < keys.length
  const link = `<${url}/keys?page=${page + 1}>; rel="next"`
  return { json: { keys: keys.slice(page, page + 1) }, headers: more ? { link } : {} }
}

test('a key is made for the lease, used, renewed, revoked, and seen to be dead', async (t) => {
  const { keys, world } = await startKeys(t)
  const { asked, minted } = await world.mint()
  const { token, authorization } = revealed(minted)
  assert.deepEqual([token, authorization], ['key-1-secret', 'Bearer key-1-secret'])
  assert.equal(minted.expiresMs, startMs + 900_000)
  assert.match(keys[0]?.name ?? '', /^ci mayfly-lse-[a-z0-9]{24}$/)
  assertHidden([minted.facts, minted.fields, httpIssuer.plan(asked)], [admin, 'key-1-secret'])
  const held = world.held(asked, minted)
  assert.equal(await httpIssuer.probe?.(held, world.tools), 'alive')
  const renewed = await httpIssuer.renew?.(asked, held, world.tools)
  assert.ok(renewed !== undefined)
  assert.equal(renewed.expiresMs, startMs + 1_800_000)
  assert.equal(revealed(renewed)['token'], 'key-1-secret', 'what a renewal does not say stays')
  const later = world.held(asked, renewed)
  assert.equal(await httpIssuer.revoke(later, world.tools), 'revoked')
  assert.equal(await httpIssuer.probe?.(later, world.tools), 'dead')
  assert.equal(await httpIssuer.revoke(later, world.tools), 'not_found')
  assert.deepEqual(keys, [])
  assert.deepEqual(httpIssuer.revocation(world.config), { means: 'at_once' })
})

test('what was made by a request whose answer never came is found by its name, on whatever page, and nobody else’s is touched', async (t) => {
  const { api, keys, world } = await startKeys(t)
  await world.mint()
  for (const mood of ['forgetful', 'well'] as const) {
    const asked = world.request()
    api.mood = mood
    const making = httpIssuer.mint(asked, httpIssuer.plan(asked), world.tools)
    if (mood === 'forgetful')
      await assert.rejects(making, failsWith('upstream_unreachable', /answers 500/, [admin]))
    else await making
    api.mood = 'well'
    await world.mint()
    assert.equal(await httpIssuer.revoke(world.held(asked, undefined), world.tools), 'revoked')
    assert.equal(await httpIssuer.revoke(world.held(asked, undefined), world.tools), 'not_found')
  }
  assert.deepEqual(
    keys.map(({ id }) => id.slice(0, 1)),
    ['1', '3', '5'],
  )
})

test('two of one name, as after a retry, both end', async (t) => {
  const { keys, world } = await startKeys(t)
  const asked = world.request()
  const plan = httpIssuer.plan(asked)
  await httpIssuer.mint(asked, plan, world.tools)
  await httpIssuer.mint(asked, plan, world.tools)
  assert.equal(keys.length, 2)
  assert.equal(await httpIssuer.revoke(world.held(asked, undefined), world.tools), 'revoked')
  assert.deepEqual(keys, [])
})

test('each phase ends in a clear error without a secret, whatever the API says', async (t) => {
  const { api, world } = await startKeys(t)
  const { asked, minted } = await world.mint()
  const held = world.held(asked, minted)
  const secrets = [admin, 'key-1-secret']
  await refusesOddAnswers(api, () => world.mint(), [admin])
  await refusesOddAnswers(api, async () => httpIssuer.renew?.(asked, held, world.tools), [admin])
  await refusesOddAnswers(api, () => httpIssuer.revoke(held, world.tools), [admin])
  await refusesOddAnswers(api, () => httpIssuer.revoke(world.held(asked, undefined), world.tools), [admin])
  const key = 'planted-in-the-answer'
  await refusesOddCredentials(api, () => world.mint(), secrets, [
    { data: { ids: ['1'], ends: 5 } },
    { data: { key: 5, ids: [], ends: 5 } },
    { data: { key: { key }, ids: ['1'], ends: 5 } },
    { data: { key: `${key}\r\nx: y`, ids: ['1'], ends: 5 } },
    { data: { key, ids: ['1'], ends: 'soon' } },
    { data: { key, ids: ['1'], ends: -1 } },
    { data: { key, ids: ['1'], ends: 0 } },
    { data: { key: key.repeat(2000), ids: ['1'], ends: 5 } },
  ])
  const { url } = api
  for (const [probe, status, said] of [
    [{ headers: { authorization: 'Bearer {token}' } }, 403, 'dead'],
    [{ headers: { authorization: 'Bearer {token}' } }, 400, 'unknown'],
    [{ headers: { authorization: 'Bearer {token}' }, dead: [400] }, 400, 'dead'],
    [{ headers: { authorization: 'Bearer {token}' }, dead: [400] }, 403, 'unknown'],
    // It is the admin who may not ask.
    [{ basic: 'root:{secret.root}' }, 403, 'unknown'],
    [{ basic: 'root:{secret.root}' }, 404, 'dead'],
    [{ basic: 'root:{secret.root}', dead: [400] }, 400, 'dead'],
  ] as const) {
    api.mood = () => ({ status })
    const asked = { method: 'GET', url: `${url}/keys/{id}`, headers: {}, ...probe } as const
    const config = { ...held.config, probe: asked }
    assert.equal(await httpIssuer.probe?.({ ...held, config } as typeof held, world.tools), said)
  }
  // Where a page for people comes, or nothing is said, nothing is claimed.
  for (const status of [302, 418]) {
    api.mood = () => ({ status })
    assert.equal(await httpIssuer.probe?.(held, world.tools), 'unknown')
  }
  for (const json of [{}, { keys: {} }, { keys: [{ name: httpIssuer.plan(asked) }] }]) {
    api.mood = () => ({ json })
    const revoking = httpIssuer.revoke(world.held(asked, undefined), world.tools)
    if ('keys' in json && Array.isArray(json.keys)) assert.equal(await revoking, 'not_found')
    else await assert.rejects(revoking, failsWith('credential_failed', /no list/, secrets))
  }
})

test('more than the API gives is refused in its own words', async (t) => {
  const { world } = await startKeys(t)
  await assert.rejects(
    world.mint({ ttlSeconds: 7200 }),
    failsWith(
      'credential_failed',
      /connection "api": 127\.0\.0\.1:\d+ answers 422 to the request for a credential: ttl is at most 3600$/,
    ),
  )
})

test('an end that is said as a time counts by the upstream’s own clock', async (t) => {
  const said: { at: unknown; date: number } = { at: '', date: 0 }
  const api = await startApi(t, () => ({
    json: { t: 'a-token', at: said.at },
    headers: { date: new Date(said.date).toUTCString() },
  }))
  const config = {
    mint: { method: 'GET', url: `${api.url}/mint` },
    extract: { token: '$.t', expires_at: '$.at' },
    authorization: { value: 'token {token}' },
  }
  const { mint, held, tools } = setUp(httpIssuer, { config })
  const hour = 3_600_000
  for (const skewMs of [0, -2 * hour, 30 * 24 * hour])
    for (const form of [
      (ms: number) => new Date(ms).toISOString(),
      (ms: number) => ms / 1000,
      (ms: number) => ms,
    ]) {
      said.date = startMs + skewMs
      said.at = form(said.date + 600_000)
      const { minted } = await mint()
      assert.equal(minted.expiresMs, startMs + 600_000)
      assert.equal(revealed(minted).authorization, 'token a-token')
    }
  said.at = new Date(said.date - 1000).toISOString()
  await assert.rejects(mint(), failsWith('credential_failed', /has ended already.*clock/, ['a-token']))
  for (const at of ['tomorrow', '2026-13-45T99:99:99Z', true, -5, 1e300]) {
    said.at = at
    await assert.rejects(
      mint(),
      failsWith('credential_failed', /neither RFC 3339 nor Unix time|no text at/, ['a-token']),
    )
  }
  // There is no way to end it: nothing more is claimed.
  said.at = said.date + hour
  const { asked, minted } = await mint()
  assert.equal(await httpIssuer.revoke(held(asked, minted), tools), 'nothing_to_do')
  assert.deepEqual(httpIssuer.revocation(asked.config), { means: 'by_expiry' })
})

test('a value stays a value, whatever it is', async (t) => {
  const api = await startApi(t, () => ({ json: { t: 'x' } }))
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), async (value) => {
      const config = {
        admin: { a: 'secret:a' },
        mint: {
          method: 'POST',
          url: `${api.url}/x/{secret.a}/y?q={secret.a}`,
          json: { a: ['{{{secret.a}"'], n: 1 },
        },
        extract: { token: '$.t' },
        revoke: { method: 'DELETE', url: `${api.url}/` },
        renew: { method: 'PUT', url: `${api.url}/`, form: { a: '{secret.a}&' } },
      }
      const world = setUp(httpIssuer, { config, secrets: { a: value } })
      const trimmed = value.trim()
      if (trimmed === '' || /^\.{1,2}$/.test(trimmed)) {
        await assert.rejects(world.mint())
        return
      }
      const { asked, minted } = await world.mint()
      const seen = api.seen.at(-1)
      assert.equal(seen?.path, `/x/${encodeURIComponent(trimmed)}/y`)
      assert.deepEqual([...seen.query], [['q', trimmed.toWellFormed()]])
      assert.deepEqual(JSON.parse(seen.text), { a: [`{${trimmed}"`], n: 1 })
      await httpIssuer.renew?.(asked, world.held(asked, minted), world.tools)
      assert.deepEqual([...new URLSearchParams(api.seen.at(-1)?.text)], [['a', `${trimmed}&`.toWellFormed()]])
    }),
    { numRuns: 25 },
  )
})

test('an id that leads elsewhere, a header of two lines and a secret that is not there end before anything is asked', async (t) => {
  const { api, world, config } = await startKeys(t)
  const { asked, minted } = await world.mint()
  const count = api.seen.length
  for (const id of ['..', '.', '']) {
    const held = { ...world.held(asked, minted), handle: { fields: { id } } }
    await assert.rejects(
      httpIssuer.revoke(held, world.tools),
      failsWith('bad_input', /would lead to another path|is empty/, [admin]),
    )
  }
  const places = ['{id}#x', '%2e{id}', '{id}%2E', '{id}/x', '{id}?x', '%2E{id}#?', 'a/{id}#/..']
  for (const [place, id] of places.flatMap((one) =>
    ['.', '..', '\ud800'].map((bad) => [one, bad] as const),
  )) {
    const revoke = { headers: {}, method: 'DELETE' as const, url: `${api.url}/keys/${place}` }
    const held = { ...world.held(asked, minted), handle: { fields: { id } } }
    // `...` is a name as any other.
    if (place.toLowerCase().includes('%2e') && id === '..') continue
    await assert.rejects(
      httpIssuer.revoke({ ...held, config: { ...held.config, revoke } }, world.tools),
      failsWith('bad_input', /would lead to another path|half a character/, [admin]),
      `${place} ${id}`,
    )
  }
  const header = { ...config, mint: { ...config.mint, headers: { 'x-key': '{secret.root}' } } }
  const split = setUp(httpIssuer, { config: header, secrets: { root: 'planted\r\nx: y' } })
  await assert.rejects(split.mint(), failsWith('bad_input', /no header takes/, ['planted']))
  await assert.rejects(setUp(httpIssuer, { config }).mint(), failsWith('secret_missing', /"root"/))
  assert.equal(api.seen.length, count)
})

const whole = `
issuers: { ci: { kind: oidc, url: "https://ci.test" } }
connections:
  api:
    kind: http
    url: https://api.test
    credential:
      http-issuer:
        admin: { root: secret:root }
        mint:
          method: POST
          url: https://api.test/keys
          headers: { x-key: "{secret.root}" }
          json: { name: "{lease.name}" }
        extract: { token: "$.t", id: "$.id" }
        revoke:
          method: DELETE
          url: https://api.test/keys/{id}
roles: { build: { trust: { issuer: ci, subject: x }, grants: [ "http:get api/*" ] } }
`

test('what names nothing, and what would be of no use, is refused when mayfly.yaml is loaded, with its line', () => {
  const problemsOf = (text: string) => {
    const result = compileDocument(text, 'mayfly.yaml')
    return result.ok ? [] : result.problems.map(({ line, message }) => `${line}: ${message}`)
  }
  assert.deepEqual(problemsOf(whole), [])
  const refused: [from: string, to: string, problem: RegExp][] = [
    [
      'keys/{id}',
      'keys/{ide}',
      /^18: .*revoke\.url: nothing is called \{ide\} here: known are \{lease\.name\}, .*\{id\}/,
    ],
    ['keys/{id}', 'keys/{id', /^18: .*single \{ is neither a name in braces/],
    ['"{lease.name}"', '["{lease.nam}"]', /^14: .*mint\.json\.name\.0: nothing is called \{lease\.nam\}/],
    ['"{secret.root}"', '"{secret.rot}"', /^13: .*x-key: nothing is called \{secret\.rot\}/],
    ['"{secret.root}"', '"x"', /^9: .*no request uses \{secret\.root\}/],
    ['token: "$.t"', 'tokn: "$.t"', /^15: .*nothing says what the gateway shows/],
    [
      '        mint:',
      '        identity: { audience: api }\n        mint:',
      /: .*identity: no request uses \{identity\.token\}/,
    ],
    ['"{secret.root}"', '"{secret.root}{identity.token}"', /^13: .*nothing is called \{identity\.token\}/],
    ['x-key:', 'host:', /^13: .*does not write itself/],
    ['method: DELETE', 'method: GET\n          json: {}', /^17: .*GET has no body/],
    ['"{lease.name}" }', '"{lease.name}" }\n          form: { a: b }', /^15: .*`json` or a `form`/],
    ['https://api.test/keys\n', 'http://api.test/keys\n', /^12: .*loopback/],
    ['https://api.test/keys\n', 'https://{token}/keys\n', /^12: .*whose host is written out/],
    ['"$.t"', '"$..t"', /^15: .*`\$\.a\.b\[0\]` of the JSON answer/],
    [
      '        revoke:',
      '        probe: { method: GET, url: "https://api.test/" }\n        revoke:',
      /^16: .*does not show the credential/,
    ],
    [
      '        revoke:',
      '        probe: { method: GET, url: "https://api.test/{id}", basic: "{secret.root}", dead: [400, 403] }\n        revoke:',
      /^16: .*probe\.dead: 401 and 403 may be the answer to \{secret\.root\}/,
    ],
    [
      '        revoke:',
      '        revoked_within: 5m\n        rovoke:',
      /^17: unknown key "rovoke".*did you mean "revoke"/,
    ],
    [
      '        revoke:',
      '        find: { name: "$.n", id: "$.i", request: { method: GET, url: "https://api.test/{token}" } }\n        revoke:',
      /^16: .*find\.request\.url: nothing is called \{token\}/,
    ],
  ]
  for (const [from, to, problem] of refused) {
    const text = whole.replace(from, to)
    assert.notEqual(text, whole)
    assert.match(problemsOf(text).join('\n'), new RegExp(problem.source, 'm'), to)
  }
  const endless = whole.replace(/ {8}revoke:\n.*\n.*\n/, '')
  assert.match(problemsOf(endless).join('\n'), /^10: .*nothing ends what it makes/)
  const byToken = whole
    .replace('keys/{id}', 'keys/{token}')
    .replace(
      '        revoke:',
      '        find: { name: "$.n", id: "$.i", request: { method: GET, url: "https://api.test/" } }\n        revoke:',
    )
  assert.match(problemsOf(byToken).join('\n'), /16: .*`revoke` needs \{token\}, which nobody knows/)
})

test('instead of a secret it shows an identity token of Mayfly, to whom the configuration names and in what the errors hide', async (t) => {
  const token = 'eyJ.of-mayfly.sig'
  const api = await startApi(t, ({ text }) => {
    const form = new URLSearchParams(text)
    if (form.get('assertion') !== token) return { status: 401, json: { message: `no: ${text}` } }
    return { json: { access_token: 'made-for-step', expires_in: 900 } }
  })
  const config = {
    admin: {},
    identity: { audience: 'api://exchange' },
    mint: { method: 'POST', url: `${api.url}/sts`, form: { assertion: '{identity.token}' } },
    extract: { token: '$.access_token', expires_in: '$.expires_in' },
  }
  const asked: unknown[] = []
  let given = token
  const world = setUp(httpIssuer, {
    api,
    config,
    tools: {
      async identityToken({ audience, subject, awsSessionTags }) {
        asked.push([audience, 'role' in subject && subject.role, awsSessionTags])
        return new Secret(given)
      },
    },
  })
  const { minted } = await world.mint()
  assert.equal(revealed(minted)['token'], 'made-for-step')
  assert.deepEqual(asked, [['api://exchange', world.request().role, false]])
  assert.equal(JSON.stringify(minted.handle).includes(token), false)
  given = 'eyJ.of-another.sig'
  await assert.rejects(world.mint(), failsWith('credential_failed', /401/, [given]))
})

test('what was made and is of no use is kept for its end, by what its answer says of it', async (t) => {
  const made: Record<string, unknown>[] = [
    { key: 'a token with spaces', id: '1', ends: 900 },
    { key: 'good', id: '2', ends: 'soon' },
    { key: 'good', id: '3', ends: 0 },
    { id: '4', ends: 900 },
    { key: 'good', ends: -1 },
  ]
  const ended: string[] = []
  const api = await startApi(t, ({ method, path }) => {
    if (method === 'DELETE') ended.push(path)
    return method === 'DELETE' ? { status: 204 } : { status: 201, json: made.shift() }
  })
  const config = {
    admin: {},
    mint: { method: 'POST', url: `${api.url}/keys` },
    extract: { token: '$.key', id: '$.id', expires_in: '$.ends' },
    revoke: { method: 'DELETE', url: `${api.url}/keys/{id}` },
  }
  const world = setUp(httpIssuer, { api, config })
  while (made.length > 0) {
    const handle = await leftBy(() => world.mint())
    assert.equal(handle === undefined, made.length === 0)
    if (handle !== undefined)
      await httpIssuer.revoke({ ...world.held(world.request(), undefined), handle }, world.tools)
  }
  // Nobody knows how the last one is called.
  assert.deepEqual(ended, ['/keys/1', '/keys/2', '/keys/3', '/keys/4'])
})
