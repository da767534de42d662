import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../lib/index.ts'
import { b64, makeKey, signRaw, startMs } from './issuer.fixture.ts'
import { connectUri, createProofSigner, createProofVerifier, type ProofResult } from './index.ts'

const expected = {
  method: 'POST',
  uri: 'https://mayfly.example.com/v1/steps',
  accessToken: 'the-access-token',
}
const now = startMs / 1000
const key = makeKey('dpop')
const { kid: _, use: __, alg: ___, ...publicJwk } = key.jwk
const privateJwk = key.privateKey.export({ format: 'jwk' })

function setup() {
  // The server has been up for an hour.
  const clock = { ms: startMs - 3_600_000, nowMs: () => clock.ms }
  const verifier = createProofVerifier({ clock })
  clock.ms = startMs
  return { clock, verifier }
}

/** A proof that is right but for these changes of its claims and its header. */
function proof(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  signer = key,
): string {
  const ath = createHash('sha256').update(expected.accessToken).digest('base64url')
  const payload = {
    jti: `j-${Math.random()}`,
    htm: expected.method,
    htu: expected.uri,
    iat: now,
    ath,
    ...claims,
  }
  return signRaw(signer, JSON.stringify(payload), {
    typ: 'dpop+jwt',
    kid: undefined,
    jwk: publicJwk,
    ...header,
  })
}

function detailOf(result: ProofResult): string {
  return result.ok ? 'accepted' : result.detail
}

test('a proof by our own signer is accepted, and tells its key', async () => {
  const { clock, verifier } = setup()
  const signer = await createProofSigner({ clock })
  const result = await verifier.verify(await signer.sign(expected), expected)
  assert.deepEqual(result, { ok: true, jkt: signer.jkt })
  const { method, uri } = expected
  assert.deepEqual(await verifier.verify(await signer.sign({ method, uri }), { method, uri }), {
    ok: true,
    jkt: signer.jkt,
  })
})

test('the thumbprint is that of RFC 7638', async () => {
  const result = await setup().verifier.verify(proof(), expected)
  const { crv, kty, x, y } = publicJwk
  const jkt = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  assert.deepEqual(result, { ok: true, jkt })
})

// RFC 9449, section 4.3, check by check. Each row: what is wrong, the claims, the header, what the refusal says.
const wrong: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>, RegExp])[] = [
  ['no jti', { jti: undefined }, {}, /missing required "jti"/],
  ['no htm', { htm: undefined }, {}, /missing required "htm"/],
  ['no htu', { htu: undefined }, {}, /missing required "htu"/],
  ['no iat', { iat: undefined }, {}, /missing required "iat"/],
  ['no ath', { ath: undefined }, {}, /not bound to this token/],
  ['no typ', {}, { typ: undefined }, /typ/],
  ['typ JWT', {}, { typ: 'JWT' }, /typ/],
  ['typ at+jwt', {}, { typ: 'at+jwt' }, /typ/],
  ['alg none', {}, { alg: 'none' }, /does not verify/],
  ['alg HS256', {}, { alg: 'HS256' }, /does not verify/],
  ['alg RS256', {}, { alg: 'RS256' }, /does not verify/],
  ['no alg', {}, { alg: undefined }, /does not verify/],
  ['no jwk', {}, { jwk: undefined }, /public key only/],
  ['jwk is a text', {}, { jwk: 'x' }, /does not verify/],
  ['jwk is null', {}, { jwk: null }, /does not verify|public key only/],
  ['a private key in jwk', {}, { jwk: { ...publicJwk, d: privateJwk.d } }, /public key only/],
  ['a symmetric jwk', {}, { jwk: { kty: 'oct', k: b64('secret') } }, /public key only/],
  [
    'a symmetric jwk with alg HS256',
    {},
    { alg: 'HS256', jwk: { kty: 'oct', k: b64('secret') } },
    /public key only/,
  ],
  ['a public key with k beside it', {}, { jwk: { ...publicJwk, k: 'x' } }, /public key only/],
  ['another key in jwk', {}, { jwk: makeKey('other').jwk }, /does not verify/],
  ['crit', {}, { crit: ['x'], x: 1 }, /does not verify/],
  ['another method', { htm: 'GET' }, {}, /is for GET, not POST/],
  ['the method in lower case', { htm: 'post' }, {}, /is for post, not POST/],
  ['another URI', { htu: 'https://mayfly.example.com/v1/other' }, {}, /is for https:.*other/],
  ['another host', { htu: 'https://evil.example.com/v1/steps' }, {}, /is for https:..evil/],
  ['http instead of https', { htu: expected.uri.replace('https', 'http') }, {}, /is for http:/],
  ['a URI with a query', { htu: `${expected.uri}?x=1` }, {}, /is for https:/],
  ['a list of URIs', { htu: [expected.uri, 'https://evil.example.com'] }, {}, /is for/],
  ['iat too old', { iat: now - 61 }, {}, /not of now/],
  ['iat too far ahead', { iat: now + 61 }, {}, /not of now/],
  ['iat is a text', { iat: String(now) }, {}, /does not verify/],
  [
    'another token',
    { ath: createHash('sha256').update('another-token').digest('base64url') },
    {},
    /not bound to this token/,
  ],
  [
    'ath in hexadecimal',
    { ath: createHash('sha256').update(expected.accessToken).digest('hex') },
    {},
    /not bound to this token/,
  ],
  ['a jti that is no text', { jti: 7 }, {}, /"jti" is no text/],
  ['a key that is not on the curve', {}, { jwk: { ...publicJwk, y: publicJwk.x } }, /does not verify/],
  [
    'a coordinate with another spelling',
    {},
    { jwk: { ...publicJwk, x: `${publicJwk.x}=` } },
    /does not verify/,
  ],
  ['b64', {}, { b64: false }, /does not verify/],
  ['not before, in the future', { nbf: now + 61 }, {}, /does not verify/],
  ['a jti too long to keep', { jti: 'x'.repeat(129) }, {}, /jti of the proof is too long/],
  ['expired by its own exp', { exp: now - 61 }, {}, /does not verify/],
]
for (const [what, claims, header, detail] of wrong) {
  test(`refused: ${what}`, async () => {
    assert.match(detailOf(await setup().verifier.verify(proof(claims, header), expected)), detail)
  })
}

test('refused: no proof, no JWS, too large', async () => {
  const { verifier } = setup()
  assert.match(detailOf(await verifier.verify(undefined, expected)), /header is missing/)
  for (const text of ['', '.', '..', 'a.b.c', `${proof()}.`, `${proof()}, ${proof()}`]) {
    assert.match(detailOf(await verifier.verify(text, expected)), /does not verify/, text.slice(0, 20))
  }
  assert.match(
    detailOf(await verifier.verify(proof({ pad: 'x'.repeat(limits.dpopProofBytes) }), expected)),
    /too large/,
  )
})

test('refused: a key of another curve', async () => {
  const other = { kty: 'EC', crv: 'P-384', x: publicJwk.x, y: publicJwk.y }
  assert.match(
    detailOf(await setup().verifier.verify(proof({}, { jwk: other }), expected)),
    /does not verify/,
  )
})

test('iat may be a minute off, either way', async () => {
  const { verifier } = setup()
  for (const iat of [now - 60, now + 60])
    assert.equal(detailOf(await verifier.verify(proof({ iat }), expected)), 'accepted')
})

test('refused: the same proof again, at once or as long as its iat would still do', async () => {
  const { verifier, clock } = setup()
  const ahead = proof({ iat: now + 60 })
  assert.equal(detailOf(await verifier.verify(ahead, expected)), 'accepted')
  for (const seconds of [0, 1, 59, 60]) {
    clock.ms += seconds * 1000
    // Others come by, so that forgetting would set in.
    await verifier.verify(proof({ iat: Math.floor(clock.ms / 1000) }), expected)
    assert.match(detailOf(await verifier.verify(ahead, expected)), /used before/)
  }
  clock.ms += 1000
  assert.match(detailOf(await verifier.verify(ahead, expected)), /not of now/)
})

test('refused: the same jti by the same key for another request; another key may have it', async () => {
  const { verifier } = setup()
  assert.equal(detailOf(await verifier.verify(proof({ jti: 'one' }), expected)), 'accepted')
  const get = { ...expected, method: 'GET' }
  assert.match(detailOf(await verifier.verify(proof({ jti: 'one', htm: 'GET' }), get)), /used before/)
  const other = makeKey('other')
  assert.equal(
    detailOf(
      await verifier.verify(
        proof({ jti: 'one' }, { jwk: other.publicKey.export({ format: 'jwk' }) }, other),
        expected,
      ),
    ),
    'accepted',
  )
})

test('a proof sent many times at once is accepted once', async () => {
  const { verifier } = setup()
  const one = proof()
  const results = await Promise.all(Array.from({ length: 20 }, () => verifier.verify(one, expected)))
  assert.equal(results.filter((result) => result.ok).length, 1)
})

test('a refused proof uses no jti up', async () => {
  const { verifier } = setup()
  assert.equal((await verifier.verify(proof({ jti: 'one', htm: 'GET' }), expected)).ok, false)
  assert.equal(detailOf(await verifier.verify(proof({ jti: 'one' }), expected)), 'accepted')
})

test('refused: a proof from before the start, whose use nobody remembers', async () => {
  const clock = { nowMs: () => startMs }
  const verifier = createProofVerifier({ clock })
  assert.match(
    detailOf(await verifier.verify(proof({ iat: now - 2 }), expected)),
    /before this server started/,
  )
  assert.equal(detailOf(await verifier.verify(proof({ iat: now }), expected)), 'accepted')
})

test('connectUri: a proof for one authority is none for another', async () => {
  const { verifier } = setup()
  const uri = (authority: string) => connectUri('https://gw.example.com', authority)
  const one = proof({ htm: 'CONNECT', htu: uri('github.com:443') })
  assert.match(
    detailOf(await verifier.verify(one, { ...expected, method: 'CONNECT', uri: uri('evil.com:443') })),
    /is for/,
  )
  assert.equal(
    detailOf(await verifier.verify(one, { ...expected, method: 'CONNECT', uri: uri('github.com:443') })),
    'accepted',
  )
})

test('property: no header and no claims make the verifier throw', async () => {
  const { verifier } = setup()
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (jwk, claim) => {
      const result = await verifier.verify(proof({ jti: claim, htu: claim }, { jwk }), expected)
      assert.equal(result.ok, false)
    }),
    { numRuns: 100 },
  )
})

test('the names of loopback are one server on one port; a name from elsewhere never is', async () => {
  const { verifier } = setup()
  const here = { ...expected, uri: 'http://127.0.0.1:7700/v1/steps' }
  const asked = async (htu: string, of = here) => detailOf(await verifier.verify(proof({ htu }), of))
  for (const host of ['localhost:7700', '127.0.0.1:7700', '[::1]:7700'])
    assert.equal(await asked(`http://${host}/v1/steps`), 'accepted', host)
  for (const uri of [
    'http://localhost:7701/v1/steps',
    'http://localhost/v1/steps',
    'https://localhost:7700/v1/steps',
    'http://localhost:7700/v1/other',
    'http://localhost.evil.com:7700/v1/steps',
    'http://evil.com:7700/v1/steps',
    'http://127.0.0.2:7700/v1/steps',
    'http://x@localhost:7700/v1/steps',
    'http://localhost:7700@evil.com/v1/steps',
  ])
    assert.match(await asked(uri), /^the proof is for/, uri)
  const elsewhere = { ...expected, uri: 'https://mayfly.example.com/v1/steps' }
  assert.match(await asked('https://localhost/v1/steps', elsewhere), /^the proof is for/)
})
