import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { limits } from '../lib/index.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { b64, githubUrl, makeKey, reasonOf, setup, signRaw, startMs, audience } from './issuer.fixture.ts'
import { createIdentityVerifier } from './index.ts'

const minuteMs = 60_000

test('one discovery and one JWKS serve many tokens', async () => {
  const { verify, issuer } = setup()
  await Promise.all(Array.from({ length: 20 }, () => verify()))
  await verify()
  assert.deepEqual(issuer.requests, ['/.well-known/openid-configuration', '/.well-known/jwks'])
})

test('a rotated key is picked up at the first token signed with it', async () => {
  const { verifier, verify, issuer, claims, clock } = setup()
  assert.equal(reasonOf(await verify()), 'accepted')
  const next = makeKey('key-2')
  issuer.keys = [next.jwk]
  clock.ms += 31_000
  assert.equal(reasonOf(await verifier.verify(signRaw(next, claims()))), 'accepted')
  assert.equal(reasonOf(await verify()), 'key_unknown')
})

test('a key that the issuer began to use a moment after it was asked: later, then accepted, whatever strangers send', async () => {
  const { verifier, verify, issuer, claims, clock } = setup()
  assert.equal(reasonOf(await verify()), 'accepted')
  const next = makeKey('key-2')
  issuer.keys = [next.jwk]
  clock.ms += 3_500
  const token = signRaw(next, claims())
  const early = await verifier.verify(token)
  assert.ok(!early.ok)
  assert.deepEqual([early.reason, early.retryAfterSeconds], ['key_unknown', 7])
  assert.match(early.detail, /may have a new one, and is asked again in 7 s/)
  // Forged tokens are told the same, and ask nobody either.
  await Promise.all(Array.from({ length: 50 }, (_, i) => verify({}, { kid: `stranger-${i}` })))
  assert.equal(issuer.requests.length, 2)
  clock.ms += 7_000
  assert.equal(reasonOf(await verifier.verify(token)), 'accepted')
})

test('a key that no answer of the issuer holds is refused for good once it was asked after the token came', async () => {
  const { verify, clock } = setup()
  await verify()
  clock.ms += 10_000
  const refused = await verify({}, { kid: 'forged' })
  assert.ok(!refused.ok)
  assert.deepEqual([refused.reason, refused.retryAfterSeconds], ['key_unknown', undefined])
})

test('an issuer that cannot be asked: when to come again', async () => {
  const { verify, issuer, clock } = setup()
  issuer.down = true
  const first = await verify()
  assert.ok(!first.ok)
  assert.deepEqual([first.reason, first.retryAfterSeconds], ['issuer_unreachable', 10])
  clock.ms += 4_000
  const second = await verify()
  assert.ok(!second.ok && second.retryAfterSeconds === 6)
  issuer.down = false
  clock.ms += 6_000
  assert.equal(reasonOf(await verify()), 'accepted')
})

test('a rotated key: tokens that come while the issuer is being asked wait for its answer', async () => {
  const { verifier, verify, issuer, claims, clock } = setup()
  await verify()
  const next = makeKey('key-2')
  issuer.keys = [next.jwk]
  clock.ms += 31_000
  const results = await Promise.all(
    Array.from({ length: 10 }, () => verifier.verify(signRaw(next, claims()))),
  )
  assert.deepEqual(
    results.map(reasonOf),
    Array.from({ length: 10 }, () => 'accepted'),
  )
  assert.equal(issuer.requests.length, 4)
})

test('a withdrawn key dies after ten minutes, even if nobody uses the next', async () => {
  const { verify, issuer, clock } = setup()
  assert.equal(reasonOf(await verify()), 'accepted')
  issuer.keys = [makeKey('key-2').jwk]
  clock.ms += 10 * minuteMs
  assert.equal(reasonOf(await verify()), 'key_unknown')
})

test('a flood of unknown kids asks the issuer once in 10 s', async () => {
  const { verify, issuer, clock } = setup()
  await verify()
  clock.ms += 31_000
  const asked = () => issuer.requests.filter((path) => path.endsWith('/jwks')).length
  assert.equal(asked(), 1)
  await Promise.all(Array.from({ length: 50 }, (_, i) => verify({}, { kid: `stranger-${i}` })))
  clock.ms += 1
  for (let i = 0; i < 50; i++) {
    const late = await verify({}, { kid: `late-${i}` })
    assert.ok(!late.ok && late.reason === 'key_unknown' && late.retryAfterSeconds === 10)
  }
  assert.equal(asked(), 2)
  clock.ms += 9_998
  await verify({}, { kid: 'x' })
  assert.equal(asked(), 2)
  clock.ms += 1
  await verify({}, { kid: 'x' })
  assert.equal(asked(), 3)
})

test('a flood of tokens asks an issuer that is down, and never answered, once in a while, not once per token', async () => {
  const { verify, issuer } = setup()
  issuer.down = true
  for (let i = 0; i < 50; i++) assert.equal(reasonOf(await verify()), 'issuer_unreachable')
  assert.ok(issuer.requests.length <= 2, `${issuer.requests.length} requests`)
})

test('the issuer is down: kept keys serve for an hour and not a moment longer', async () => {
  const { verify, issuer, clock } = setup()
  await verify()
  issuer.down = true
  clock.ms += 60 * minuteMs - 1
  assert.equal(reasonOf(await verify()), 'accepted')
  clock.ms += 1
  assert.equal(reasonOf(await verify()), 'issuer_unreachable')
  assert.equal(reasonOf(await verify({}, { kid: 'other' })), 'issuer_unreachable')
  issuer.down = false
  clock.ms += 30_000
  assert.equal(reasonOf(await verify()), 'accepted')
})

test('the issuer is down while a new kid is looked for: the kept keys go on', async () => {
  const { verify, issuer, clock } = setup()
  await verify()
  issuer.down = true
  clock.ms += 31_000
  assert.equal(reasonOf(await verify({}, { kid: 'other' })), 'key_unknown')
  assert.equal(reasonOf(await verify()), 'accepted')
})

test('an issuer that was down at first is asked again', async () => {
  const { verify, issuer, clock } = setup()
  issuer.down = true
  assert.equal(reasonOf(await verify()), 'issuer_unreachable')
  issuer.down = false
  clock.ms += 30_000
  assert.equal(reasonOf(await verify()), 'accepted')
})

// Each row: the discovery document, as OpenID Connect Discovery 1.0 would not have it.
const discoveries: readonly (readonly [string, unknown])[] = [
  ['another issuer', { issuer: 'https://evil.example.com', jwks_uri: `${githubUrl}/.well-known/jwks` }],
  ['the issuer with a slash', { issuer: `${githubUrl}/`, jwks_uri: `${githubUrl}/.well-known/jwks` }],
  ['no issuer', { jwks_uri: `${githubUrl}/.well-known/jwks` }],
  ['no jwks_uri', { issuer: githubUrl }],
  ['a jwks_uri without TLS', { issuer: githubUrl, jwks_uri: githubUrl.replace('https', 'http') }],
  ['a jwks_uri of a file', { issuer: githubUrl, jwks_uri: 'file:///etc/passwd' }],
  ['a jwks_uri that is none', { issuer: githubUrl, jwks_uri: 'keys' }],
  ['a list', []],
  ['null', null],
  ['a text', 'x'],
]
for (const [what, discovery] of discoveries) {
  test(`unreachable: its discovery is ${what}`, async () => {
    const { verify, issuer } = setup()
    issuer.discovery = discovery
    assert.equal(reasonOf(await verify()), 'issuer_unreachable')
    assert.equal(issuer.requests.includes('/.well-known/jwks'), false)
  })
}

const answers: readonly (readonly [string, () => Response])[] = [
  ['an error', () => new Response('{"keys":[]}', { status: 500 })],
  ['not there', () => new Response('', { status: 404 })],
  ['no JSON', () => new Response('<html>')],
  ['null', () => Response.json(null)],
  ['without keys', () => Response.json({})],
  ['with keys that are no list', () => Response.json({ keys: { a: 1 } })],
  ['empty', () => new Response('')],
  ['without a key', () => Response.json({ keys: [] })],
  ['with a key that is null', () => Response.json({ keys: [null] })],
]
for (const [what, answer] of answers) {
  test(`unreachable: its JWKS is ${what}`, async () => {
    const { verify, issuer } = setup()
    issuer.answer = (path) => (path.endsWith('/jwks') ? answer() : undefined)
    assert.equal(reasonOf(await verify()), 'issuer_unreachable')
  })
}

test('unreachable: its JWKS has too many keys', async () => {
  const { verify, issuer, key, clock } = setup()
  const others = Array.from({ length: limits.issuerKeys }, (_, i) => ({ ...key.jwk, kid: `k${i}` }))
  issuer.keys = [key.jwk, ...others]
  assert.equal(reasonOf(await verify()), 'issuer_unreachable')
  issuer.keys.pop()
  clock.ms += 30_000
  assert.equal(reasonOf(await verify()), 'accepted')
})

test('unreachable: its JWKS is huge; reading stops at the limit', async () => {
  for (const path of ['/jwks', '/openid-configuration']) {
    const { verify, issuer } = setup()
    let sent = 0
    let cancelled = false
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          sent += 16_384
          controller.enqueue(new Uint8Array(16_384).fill(0x20))
        },
        cancel() {
          cancelled = true
        },
      })
    issuer.answer = (asked) => (asked.endsWith(path) ? new Response(endless()) : undefined)
    assert.equal(reasonOf(await verify()), 'issuer_unreachable')
    assert.ok(cancelled && sent <= limits.issuerDocumentBytes + 4 * 16_384, `${sent}`)
  }
})

test('a symmetric key in the JWKS verifies nothing', async () => {
  const { issuer, verifier, verify, key, claims, clock } = setup()
  issuer.keys = [
    { kty: 'oct', k: b64('secret'), kid: key.kid, alg: 'HS256' },
    { kty: 'oct', k: b64('secret'), kid: key.kid },
  ]
  assert.equal((await verify()).ok, false)
  assert.equal(reasonOf(await verifier.verify(signRaw(key, claims(), { alg: 'HS256' }))), 'algorithm_refused')
  issuer.keys.push(key.jwk)
  clock.ms += 30_000
  assert.equal(reasonOf(await verify()), 'accepted', 'and does not stand in the way of the right one')
})

test('a key for encryption, or of another algorithm, verifies nothing', async () => {
  for (const change of [{ use: 'enc' }, { alg: 'ES384' }, { key_ops: ['encrypt'] }, { kty: 'ec' }]) {
    const { issuer, verify, key } = setup()
    issuer.keys = [{ ...key.jwk, ...change }]
    assert.equal((await verify()).ok, false, JSON.stringify(change))
  }
})

test('keys that cost more than they are worth, or with which anybody could sign, are not taken', async () => {
  const rsa = makeKey('rsa', 'RS256')
  const long = (bytes: number) => b64(Buffer.alloc(bytes, 0xff))
  for (const change of [
    { e: long(80_000) },
    { e: long(9) },
    { e: 'AQ' },
    { e: 'Ag' },
    { e: 'AAAB' },
    { e: '' },
    { e: undefined },
    { e: ['AQAB'] },
    { n: long(2_049) },
    { n: long(100_000) },
    { n: 5 },
    { key_ops: ['verify', ...Array.from({ length: 20_000 }, (_, i) => `o${i}`)] },
  ]) {
    const { issuer, verifier, claims } = setup()
    issuer.keys = [{ ...rsa.jwk, ...change }]
    assert.equal(reasonOf(await verifier.verify(signRaw(rsa, claims()))), 'key_unknown')
    const asked = createIssuerKeys({ url: issuer.url, fetch: issuer.fetch, clock: { nowMs: () => 0 } })
    assert.equal((await asked.get()).jwks, '{"keys":[]}', JSON.stringify(change).slice(0, 60))
  }
})

test('of a key that which is read is kept, and a private part, for which jose refuses it', async () => {
  const { issuer, key } = setup()
  issuer.keys = [{ ...key.jwk, x5c: ['MII'], x5t: 'x', more: { than: 'enough' } }]
  const asked = createIssuerKeys({ url: issuer.url, fetch: issuer.fetch, clock: { nowMs: () => 0 } })
  assert.deepEqual(JSON.parse((await asked.get()).jwks), { keys: [key.jwk] })
  const priv = setup()
  priv.issuer.keys = [{ ...priv.key.jwk, d: priv.key.privateKey.export({ format: 'jwk' }).d }]
  assert.equal(reasonOf(await priv.verify()), 'key_unknown')
})

test('two keys of one kid, or no kid at all: no guess is accepted as a stranger’s', async () => {
  const { issuer, verifier, key, claims } = setup()
  issuer.keys = [key.jwk, makeKey('key-2').jwk]
  const stranger = makeKey('key-1')
  assert.equal((await verifier.verify(signRaw(stranger, claims(), { kid: undefined }))).ok, false)
})

/** A real HTTP server on the loopback, with the real `fetch`: what a fake cannot promise to behave like. */
async function realIssuer(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { claims, key } = setup({ kind: 'oidc', url, pins: ['sub'] })
  const verifier = createIdentityVerifier({
    issuers: { ci: { kind: 'oidc', url, pins: ['sub'] } },
    audience: () => audience,
    fetch,
    clock: { nowMs: () => startMs },
  })
  return { url, key, verify: () => verifier.verify(signRaw(key, claims())) }
}

test('redirects are refused, of the discovery and of the JWKS', async (t) => {
  for (const from of ['/.well-known/openid-configuration', '/keys']) {
    let redirecting = true
    const asked: string[] = []
    const issuer = await realIssuer(t, (request, response) => {
      const path = request.url ?? ''
      asked.push(path)
      if (path === from && redirecting) return void response.writeHead(302, { location: '/elsewhere' }).end()
      if (path === '/.well-known/openid-configuration') {
        return void response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }))
      }
      response.end(JSON.stringify({ keys: [issuer.key.jwk] }))
    })
    assert.equal(reasonOf(await issuer.verify()), 'issuer_unreachable')
    assert.equal(asked.includes('/elsewhere'), false)
    redirecting = false
  }
})

test('with the real fetch a good token is accepted, and a body without an end is not read', async (t) => {
  const good = await realIssuer(t, (request, response) => {
    const body =
      request.url === '/keys' ? { keys: [good.key.jwk] } : { issuer: good.url, jwks_uri: `${good.url}/keys` }
    response.end(JSON.stringify(body))
  })
  assert.equal(reasonOf(await good.verify()), 'accepted')
  let closed: (() => void) | undefined
  const gone = new Promise<void>((resolve) => (closed = resolve))
  const endless = await realIssuer(t, (_, response) => {
    const chunk = Buffer.alloc(65_536, 0x20)
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', more).on('close', () => closed?.())
    more()
  })
  assert.equal(reasonOf(await endless.verify()), 'issuer_unreachable')
  await gone
})
