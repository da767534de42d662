import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../lib/any-character.fixture.ts'
import { limits } from '../lib/index.ts'
import { b64, makeKey, reasonOf, setup, signRaw, signText } from './issuer.fixture.ts'

test('refused: alg none, in any spelling, with and without signature', async () => {
  const { verifier, key, claims } = setup()
  const [, , signature] = signRaw(key, claims()).split('.')
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, 0, ['ES256'], {}]) {
    for (const end of ['', signature]) {
      const token = `${b64(JSON.stringify({ alg, kid: key.kid }))}.${b64(claims())}.${end}`
      assert.equal(reasonOf(await verifier.verify(token)), 'algorithm_refused', JSON.stringify(alg))
    }
  }
})

test('refused: an encryption algorithm, an unknown algorithm', async () => {
  const { verify } = setup()
  for (const alg of ['RSA-OAEP', 'dir', 'ES256K', 'RS1', 'es256', '__proto__']) {
    assert.equal(reasonOf(await verify({}, { alg })), 'algorithm_refused', alg)
  }
})

// Each row: a parameter that no CI writes, in a header that its key did sign.
const parameters: readonly (readonly [string, Record<string, unknown>])[] = [
  ['a key', { jwk: makeKey('key-1').jwk }],
  ['the address of keys', { jku: 'https://evil.example.com/jwks' }],
  ['the address of a certificate', { x5u: 'https://evil.example.com/cert' }],
  ['a certificate', { x5c: [b64('certificate')] }],
  ['something critical', { crit: ['x'], x: 1 }],
  ['an empty list of critical things', { crit: [] }],
  ['a text of critical things', { crit: 'x' }],
  ['a payload that is not encoded', { crit: ['b64'], b64: false }],
  ['b64 alone', { b64: false }],
  ['b64 as it is anyway', { b64: true }],
  ['a token within the token', { cty: 'JWT' }],
  ['compression', { zip: 'DEF' }],
  ['encryption', { enc: 'A256GCM' }],
  ['the type of an access token', { typ: 'at+jwt' }],
  ['the type of a proof', { typ: 'dpop+jwt' }],
  ['the type of a security event', { typ: 'secevent+jwt' }],
  ['a type that is no text', { typ: ['JWT'] }],
  ['no type, said aloud', { typ: null }],
]
for (const [what, header] of parameters) {
  test(`refused: a header with ${what}`, async () => {
    const { verify, issuer } = setup()
    assert.equal(reasonOf(await verify({}, header)), 'header_refused')
    assert.deepEqual(issuer.requests, [])
  })
}

test('refused: a key of the attacker in the header, and nothing is fetched for it', async () => {
  const { verifier, issuer, claims } = setup()
  const attacker = makeKey('key-1')
  const url = 'https://evil.example.com/jwks'
  for (const header of [{ jwk: attacker.jwk }, { jku: url, kid: url }, { jwk: attacker.jwk, kid: 'none' }])
    assert.equal(reasonOf(await verifier.verify(signRaw(attacker, claims(), header))), 'header_refused')
  assert.deepEqual(issuer.requests, [])
})

test('accepted: JWT, JOSE (SPIFFE) or no type, and a thumbprint as GitHub writes one', async () => {
  const { verify } = setup()
  for (const header of [
    { typ: 'JWT' },
    { typ: 'jwt' },
    { typ: 'JOSE' },
    { typ: undefined },
    { x5t: b64('thumbprint') },
  ])
    assert.equal(reasonOf(await verify({}, header)), 'accepted', JSON.stringify(header))
})

test('refused: a kid that is a path, a query, a property or too long to be one; nothing is asked for by it', async () => {
  const { verify, issuer } = setup()
  for (const kid of [
    '../../../../dev/null',
    '/etc/passwd',
    "' OR 1=1 --",
    '__proto__',
    'constructor',
    'key-1\0',
    'KEY-1',
    '',
    'x'.repeat(256),
    'x'.repeat(257),
  ]) {
    assert.equal(reasonOf(await verify({}, { kid })), 'key_unknown', kid)
  }
  assert.equal(new Set(issuer.requests).size, 2)
})

test('refused: a kid that is no text', async () => {
  const { verify, issuer } = setup()
  for (const kid of [null, 1, true, ['key-1'], { kid: 'key-1' }])
    assert.equal(reasonOf(await verify({}, { kid })), 'key_unknown', JSON.stringify(kid))
  assert.deepEqual(issuer.requests, [])
})

test('refused: a name twice in the header, however it is written', async () => {
  const { verifier, key, claims } = setup()
  for (const header of [
    '{"alg":"none","alg":"ES256","kid":"key-1"}',
    '{"alg":"ES256","kid":"key-1","alg":"ES256"}',
    '{"kid":"other","alg":"ES256","kid":"key-1"}',
    '{"alg":"ES256","k\\u0069d":"other","kid":"key-1"}',
  ])
    assert.equal(reasonOf(await verifier.verify(signText(key, header, claims()))), 'token_malformed', header)
})

test('refused: a claim twice in the payload, also deep inside', async () => {
  const { verifier, key, claims } = setup()
  for (const first of [
    '"repository_id":"666"',
    '"repository\\u005fid":"666"',
    '"aud":"https://other.example.com"',
    '"exp":9999999999',
    '"iss":"https://evil.example.com"',
    '"outer":{"a":1,"a":2}',
    '"list":[{"a":1,"a":2}]',
  ])
    assert.equal(
      reasonOf(await verifier.verify(signRaw(key, claims().replace('{', `{${first},`)))),
      'token_malformed',
      first,
    )
})

test('refused: a payload that is nested deeply', async () => {
  const { verifier, key, claims, issuer } = setup()
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    for (const depth of [17, 1_000]) {
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`
      const payload = claims().replace('{', `{"deep":${deep},`)
      assert.equal(reasonOf(await verifier.verify(signRaw(key, payload))), 'token_malformed')
    }
  }
  assert.deepEqual(issuer.requests, [])
})

test('refused: bytes that are no UTF-8, and a byte order mark', async () => {
  const { verifier, key, claims } = setup()
  const text = Buffer.from(claims({ actor: 'm?na' }))
  text[text.indexOf('?')] = 0xff
  for (const payload of [text, Buffer.from(`\uFEFF${claims()}`)])
    assert.equal(reasonOf(await verifier.verify(signRaw(key, payload))), 'token_malformed')
})

test('refused: a token within the token', async () => {
  const { verifier, key, claims } = setup()
  assert.equal(reasonOf(await verifier.verify(signRaw(key, signRaw(key, claims())))), 'token_malformed')
  assert.equal(
    reasonOf(await verifier.verify(signRaw(key, JSON.stringify(signRaw(key, claims()))))),
    'token_malformed',
  )
})

test('refused: oversized, before anything is parsed or fetched', async () => {
  const { verifier, issuer, key, claims } = setup()
  const token = signRaw(key, claims({ padding: 'x'.repeat(limits.identityTokenBytes) }))
  assert.equal(reasonOf(await verifier.verify(token)), 'token_oversized')
  assert.deepEqual(issuer.requests, [])
})

test('refused: an oversized header, before it is parsed', async () => {
  const { verify, issuer } = setup()
  assert.equal(
    reasonOf(await verify({}, { pad: 'x'.repeat(limits.identityTokenHeaderBytes) })),
    'token_oversized',
  )
  assert.deepEqual(issuer.requests, [])
})

test('refused: malformed parts', async () => {
  const { verifier, key, claims } = setup()
  const good = signRaw(key, claims())
  const [header = '', payload = '', signature = ''] = good.split('.')
  const texts = [
    '',
    '.',
    '..',
    '...',
    'x',
    header,
    `${header}.${payload}`,
    `.${payload}.${signature}`,
    `${header}..${signature}`,
    `${good}.`,
    `${good}.x`,
    `${good}.x.y`,
    ` ${good}`,
    `${header}\0.${payload}.${signature}`,
    `${header}.${payload}.!${signature}`,
    `${b64('{"alg":"ES256"')}.${payload}.${signature}`,
    `${b64('[]')}.${payload}.${signature}`,
    `${b64('null')}.${payload}.${signature}`,
    `${header}.${b64('not json')}.${signature}`,
    `Bearer ${good}`,
  ]
  for (const text of texts)
    assert.equal((await verifier.verify(text)).ok, false, JSON.stringify(text).slice(0, 60))
  for (const text of [
    '',
    '.',
    '..',
    'x',
    `${b64('null')}.${payload}.${signature}`,
    `${header}.${b64('not json')}.${signature}`,
  ]) {
    assert.equal(reasonOf(await verifier.verify(text)), 'token_malformed', JSON.stringify(text).slice(0, 60))
  }
  for (const body of ['"text"', '[]', 'null', '7']) {
    assert.equal((await verifier.verify(signRaw(key, body))).ok, false, body)
  }
  assert.equal(reasonOf(await verifier.verify(good)), 'accepted')
})

test('refused: a part that is not in its one form of base64url', async () => {
  const { verifier, key, claims } = setup()
  const good = signRaw(key, claims())
  const parts = good.split('.')
  // The last character of a 64-byte signature carries four bits that mean nothing.
  const last = good.at(-1) ?? ''
  const next = last === 'A' ? 'B' : last === 'Q' ? 'R' : last === 'g' ? 'h' : 'x'
  const others = [
    `${good.slice(0, -1)}${next}`,
    `${good}=`,
    `${good}==`,
    `${good}\n`,
    `${good} `,
    `\t${good}`,
  ]
  for (const [i, part] of parts.entries()) {
    for (const changed of [
      `${part}=`,
      ` ${part}`,
      `${part}\n`,
      `${part.slice(0, 4)}\n${part.slice(4)}`,
      `${part}\0`,
    ])
      others.push(parts.with(i, changed).join('.'))
    if (/[-_]/.test(part))
      others.push(parts.with(i, part.replaceAll('-', '+').replaceAll('_', '/')).join('.'))
  }
  for (const text of others)
    assert.equal(reasonOf(await verifier.verify(text)), 'token_malformed', JSON.stringify(text))
  assert.equal(reasonOf(await verifier.verify(good)), 'accepted')
})

test('property: a token with any one character changed is refused', async () => {
  const { verifier, key, claims } = setup()
  const good = signRaw(key, claims())
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'
  const place = fc.integer({ min: 0, max: good.length - 1 })
  await fc.assert(
    fc.asyncProperty(place, fc.constantFrom(...alphabet), async (at, char) => {
      fc.pre(good[at] !== char)
      assert.equal(
        (await verifier.verify(good.slice(0, at) + char + good.slice(at + 1))).ok,
        false,
        `${at} ${char}`,
      )
    }),
    { numRuns: 300 },
  )
})

test('property: no text makes the verifier throw', async () => {
  const { verifier } = setup()
  const part = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.json().map(b64),
    fc.constant(b64('{"alg":"ES256"}')),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
      assert.equal((await verifier.verify(parts.join('.'))).ok, false)
    }),
    { numRuns: 300 },
  )
})
