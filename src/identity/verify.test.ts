import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../lib/index.ts'
import {
  audience,
  b64,
  githubClaims,
  githubUrl,
  makeKey,
  reasonOf,
  setup,
  signRaw,
  startMs,
  type TestKey,
} from './issuer.fixture.ts'
import { createIdentityVerifier, profileOf } from './index.ts'

const now = startMs / 1000

test('a token of GitHub Actions becomes an Identity', async () => {
  const { verify } = setup()
  const result = await verify({ jti: 'j1' })
  assert.ok(result.ok)
  const { identity } = result
  assert.equal(identity.issuer, 'ci')
  assert.equal(identity.issuerUrl, githubUrl)
  assert.deepEqual(identity.attributes, {
    subject: 'repo:octo-org/app:ref:refs/heads/main',
    repository: 'octo-org/app',
    repository_id: '1296269',
    owner: 'octo-org',
    owner_id: '65781',
    ref: 'refs/heads/main',
    ref_protected: 'true',
    commit: 'a'.repeat(40),
    workflow: 'octo-org/app/.github/workflows/ci.yml@refs/heads/main',
    event: 'push',
    actor: 'mona',
    actor_id: '12',
    runner: 'github-hosted',
  })
  assert.deepEqual(identity.run, { id: '77', attempt: '2', job: '991' })
  assert.equal(identity.tokenId, 'j1')
  assert.equal(identity.expiresSeconds, now + 300)
})

test('both forms of GitHub’s sub are taken as they are', async () => {
  const { verify } = setup()
  for (const sub of [
    'repo:octo-org/app:environment:prod',
    'repo:octo-org@65781/app@1296269:environment:prod',
  ]) {
    const result = await verify({ sub })
    assert.ok(result.ok)
    assert.equal(result.identity.attributes.subject, sub)
    assert.equal(result.identity.attributes.repository_id, '1296269')
  }
})

test('RS256, as GitHub signs', async () => {
  const { issuer, verifier, claims } = setup()
  const key = makeKey('rsa', 'RS256')
  issuer.keys = [key.jwk]
  assert.equal(reasonOf(await verifier.verify(signRaw(key, claims()))), 'accepted')
})

// Each row: what is wrong with the claims, and the reason it is refused for. `undefined` takes the claim away.
const claimRefusals: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['expired', { iat: now - 400, exp: now - 31 }, 'token_expired'],
  ['nbf in the future', { nbf: now + 31 }, 'token_not_yet_valid'],
  ['iat in the future', { iat: now + 120 }, 'token_not_yet_valid'],
  ['iat far in the future', { iat: now + 3600, exp: now + 7200 }, 'token_not_yet_valid'],
  ['another audience', { aud: 'https://other.example.com' }, 'audience_mismatch'],
  ['audience in other case', { aud: audience.toUpperCase() }, 'audience_mismatch'],
  ['audience with a slash', { aud: `${audience}/` }, 'audience_mismatch'],
  ['a list of other audiences', { aud: ['a', 'b'] }, 'audience_mismatch'],
  ['ours among other audiences', { aud: [audience, 'https://other.example.com'] }, 'audience_mismatch'],
  ['an empty list of audiences', { aud: [] }, 'audience_mismatch'],
  ['no aud', { aud: undefined }, 'audience_mismatch'],
  ['aud is no text', { aud: { [audience]: true } }, 'audience_mismatch'],
  ['no exp', { exp: undefined }, 'claim_missing'],
  ['no iat', { iat: undefined }, 'claim_missing'],
  ['no sub', { sub: undefined }, 'claim_missing'],
  ['no jti', { jti: undefined }, 'claim_missing'],
  ['no repository_id', { repository_id: undefined }, 'claim_missing'],
  ['no repository_owner_id', { repository_owner_id: undefined }, 'claim_missing'],
  ['no run_id', { run_id: undefined }, 'claim_missing'],
  ['no event_name', { event_name: undefined }, 'claim_missing'],
  ['repository_id is an object', { repository_id: { id: 1 } }, 'claim_missing'],
  ['repository_id is null', { repository_id: null }, 'claim_missing'],
  ['exp is a text', { exp: String(now + 300) }, 'claim_missing'],
  ['a lifetime of more than a day', { exp: now + 86_401 }, 'token_expired'],
  ['exp before iat', { iat: now + 20, exp: now + 10 }, 'token_expired'],
  ['iss of nobody', { iss: 'https://evil.example.com' }, 'issuer_unknown'],
  ['iss with a slash', { iss: `${githubUrl}/` }, 'issuer_unknown'],
  ['no iss', { iss: undefined }, 'issuer_unknown'],
  ['iss is a list', { iss: [githubUrl] }, 'issuer_unknown'],
  ['iss named like a property', { iss: '__proto__' }, 'issuer_unknown'],
]
for (const [what, changes, reason] of claimRefusals) {
  test(`refused: ${what}`, async () => {
    const { verify } = setup()
    const result = await verify(changes)
    assert.equal(reasonOf(result), reason, result.ok ? '' : result.detail)
  })
}

test('clocks may differ by 30 s, either way', async () => {
  for (const changes of [{ iat: now - 300, exp: now - 29 }, { nbf: now + 29 }, { iat: now + 29 }]) {
    assert.equal(reasonOf(await setup().verify(changes)), 'accepted', JSON.stringify(changes))
  }
})

test('refused: huge numbers', async () => {
  const { verifier, key, claims } = setup()
  for (const number of ['1e308', '1e999', '-1e999', '9007199254740993', '1e15']) {
    for (const claim of ['exp', 'iat', 'nbf']) {
      const payload = claims({ [claim]: 0 }).replace(`"${claim}":0`, `"${claim}":${number}`)
      const result = await verifier.verify(signRaw(key, payload))
      if (claim === 'nbf' && number === '-1e999') continue
      assert.equal(result.ok, false, `${claim} ${number}`)
    }
  }
})

test('a fractional exp (RFC 7519, section 2) is kept as whole seconds', async () => {
  const result = await setup().verify({ exp: now + 299.1234567 })
  assert.ok(result.ok)
  assert.equal(Number.isInteger(result.identity.expiresSeconds), true)
})

test('ids as numbers are their text', async () => {
  const result = await setup().verify({ repository_id: 1296269, jti: 5 })
  assert.ok(result.ok)
  assert.equal(result.identity.attributes.repository_id, '1296269')
  assert.equal(result.identity.tokenId, '5')
})

test('an empty claim is absent, so no rule can match it', async () => {
  const result = await setup().verify({ environment: '', ref: '' })
  assert.ok(result.ok)
  assert.equal('environment' in result.identity.attributes, false)
  assert.equal('ref' in result.identity.attributes, false)
})

test('claims named like properties of objects are plain claims', async () => {
  const { verifier, key, claims } = setup()
  const payload = claims({ constructor: 'c' }).replace(
    '{',
    '{"__proto__":{"repository_id":"666"},"toString":"t",',
  )
  const result = await verifier.verify(signRaw(key, payload))
  assert.ok(result.ok)
  assert.equal(result.identity.claims['toString'], 't')
  assert.equal(result.identity.claims['constructor'], 'c')
  assert.equal(result.identity.claims['hasOwnProperty'], undefined)
  assert.equal(result.identity.attributes.repository_id, '1296269')
})

// JSON (RFC 8259, section 4) leaves open which of two equal names counts. What counts here is that one reading is
// both verified and used: the last.
test('duplicate claims: what was verified is what is used', async () => {
  const { verifier, key, claims } = setup()
  const twice = (claim: string, first: string) => signRaw(key, claims().replace('{', `{"${claim}":${first},`))
  const id = await verifier.verify(twice('repository_id', '"666"'))
  assert.ok(id.ok)
  assert.equal(id.identity.attributes.repository_id, '1296269')
  assert.equal(id.identity.claims['repository_id'], '1296269')
  const last = (claim: string, value: string) =>
    signRaw(key, claims().replace(/\}$/, `,"${claim}":${value}}`))
  assert.equal(
    reasonOf(await verifier.verify(last('aud', '"https://other.example.com"'))),
    'audience_mismatch',
  )
  assert.equal(reasonOf(await verifier.verify(last('exp', String(now - 100)))), 'token_expired')
  assert.equal(reasonOf(await verifier.verify(last('iss', '"https://evil.example.com"'))), 'issuer_unknown')
})

test('refused: a token of one issuer that names another', async () => {
  const mine = setup()
  const theirs = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
  const verifier = createIdentityVerifier({
    issuers: {
      github: { kind: 'github-actions', url: githubUrl },
      other: { kind: 'oidc', url: theirs.issuer.url, pins: ['sub'] },
    },
    audience: () => audience,
    fetch: ((input: string, init: RequestInit) =>
      (input.startsWith(githubUrl) ? mine.issuer : theirs.issuer).fetch(input, init)) as typeof fetch,
    clock: mine.clock,
  })
  // The other issuer's key has the kid of GitHub's.
  assert.equal(reasonOf(await verifier.verify(signRaw(theirs.key, mine.claims()))), 'signature_invalid')
  assert.equal(reasonOf(await verifier.verify(signRaw(theirs.key, theirs.claims()))), 'accepted')
})

test('refused: an audience of ours that is not known yet', async () => {
  const { issuer, clock, key, claims } = setup()
  const verifier = createIdentityVerifier({
    issuers: { ci: { kind: 'github-actions', url: githubUrl } },
    audience: () => '',
    fetch: issuer.fetch,
    clock,
  })
  for (const aud of [audience, '', ['']]) {
    assert.equal(
      reasonOf(await verifier.verify(signRaw(key, claims({ aud })))),
      'audience_mismatch',
      JSON.stringify(aud),
    )
  }
})

// --- The signature.

function hmac(alg: string, key: TestKey, secret: string | Buffer, claims: string): string {
  const input = `${b64(JSON.stringify({ alg, kid: key.kid }))}.${b64(claims)}`
  return `${input}.${b64(createHmac(alg.replace('HS', 'sha'), secret).update(input).digest())}`
}

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

test('refused: HMAC with the public key as the secret, in every form of it', async () => {
  const { issuer, verifier, claims } = setup()
  const key = makeKey('rsa', 'RS256')
  issuer.keys = [key.jwk]
  const pem = key.publicKey.export({ format: 'pem', type: 'spki' })
  const der = key.publicKey.export({ format: 'der', type: 'spki' })
  for (const secret of [
    pem,
    pem.trim(),
    der,
    JSON.stringify(key.jwk),
    String(key.jwk.n),
    Buffer.from(String(key.jwk.n), 'base64url'),
    '',
  ]) {
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      assert.equal(reasonOf(await verifier.verify(hmac(alg, key, secret, claims()))), 'algorithm_refused')
    }
  }
})

test('refused: an encryption algorithm, an unknown algorithm', async () => {
  const { verify } = setup()
  for (const alg of ['RSA-OAEP', 'dir', 'ES256K', 'RS1', 'es256', '__proto__']) {
    assert.equal(reasonOf(await verify({}, { alg })), 'algorithm_refused', alg)
  }
})

test('refused: an algorithm that is not the key’s', async () => {
  const { verify, issuer, verifier, claims } = setup()
  for (const alg of ['RS256', 'ES384', 'EdDSA', 'PS256'])
    assert.equal((await verify({}, { alg })).ok, false, alg)
  const rsa = makeKey('rsa', 'RS256')
  issuer.keys = [rsa.jwk]
  assert.equal((await verifier.verify(signRaw(rsa, claims(), { alg: 'ES256' }))).ok, false)
})

test('refused: signed by a stranger who knows the kid', async () => {
  const { verifier, claims } = setup()
  assert.equal(reasonOf(await verifier.verify(signRaw(makeKey('key-1'), claims()))), 'signature_invalid')
})

test('refused: a key of the attacker in the header (jwk, jku, x5u, x5c); nothing else is fetched', async () => {
  const { verifier, issuer, claims } = setup()
  const attacker = makeKey('key-1')
  const url = 'https://evil.example.com/jwks'
  for (const header of [
    { jwk: attacker.jwk },
    { jku: url },
    { x5u: url },
    { x5c: [b64('certificate')] },
    { jwk: attacker.jwk, kid: 'none' },
    { jku: url, kid: url },
  ]) {
    const result = await verifier.verify(signRaw(attacker, claims(), header))
    assert.equal(result.ok, false, JSON.stringify(header))
  }
  assert.deepEqual(
    new Set(issuer.requests),
    new Set(['/.well-known/openid-configuration', '/.well-known/jwks']),
  )
})

test('a good token keeps its meaning with such headers: they are ignored', async () => {
  const { verify } = setup()
  assert.equal(
    reasonOf(await verify({}, { jku: 'https://evil.example.com/jwks', x5u: 'https://evil.example.com/' })),
    'accepted',
  )
})

test('refused: a kid that is a path, a query, a property or too long to be one', async () => {
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
    'x'.repeat(4000),
  ]) {
    assert.equal(reasonOf(await verify({}, { kid })), 'key_unknown', kid)
  }
  assert.equal(new Set(issuer.requests).size, 2)
})

test('refused: crit', async () => {
  const { verify } = setup()
  assert.equal(reasonOf(await verify({}, { crit: ['x'], x: 1 })), 'algorithm_refused')
  for (const header of [{ crit: [] }, { crit: 'x' }, { crit: ['x'] }, { crit: ['b64'], b64: false }]) {
    assert.equal((await verify({}, header)).ok, false, JSON.stringify(header))
  }
})

test('refused: oversized, before anything is parsed or fetched', async () => {
  const { verifier, issuer, key, claims } = setup()
  const token = signRaw(key, claims({ padding: 'x'.repeat(limits.identityTokenBytes) }))
  assert.equal(reasonOf(await verifier.verify(token)), 'token_oversized')
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

test('property: a token with any one character changed is refused', async () => {
  const { verifier, key, claims } = setup()
  const good = signRaw(key, claims())
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'
  // The last character of a 64-byte signature carries two bits that mean nothing.
  const place = fc.integer({ min: 0, max: good.length - 2 })
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
    fc.string({ unit: 'binary' }),
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

// --- Profiles.

test('refused: owner_id of somebody else', async () => {
  const { verify } = setup({ kind: 'github-actions', url: githubUrl, owner_id: '65782' })
  assert.equal(reasonOf(await verify()), 'owner_mismatch')
  assert.equal(reasonOf(await verify({ repository_owner_id: '65782' })), 'accepted')
  assert.equal(reasonOf(await verify({ repository_owner_id: '065782' })), 'owner_mismatch')
})

const gitlab = { kind: 'gitlab', url: 'https://gitlab.com' } as const
const gitlabClaims = {
  sub: 'project_path:group/app:ref_type:branch:ref:main',
  project_id: '22',
  project_path: 'group/app',
  namespace_id: '72',
  namespace_path: 'group',
  pipeline_id: '574',
  job_id: '302',
  pipeline_source: 'push',
  user_login: 'mona',
  user_id: '1',
  ref: 'main',
  ref_type: 'branch',
}

test('GitLab: a ref is normalised, so that no tag passes for a branch', async () => {
  const { verify } = setup(gitlab)
  const refs = [
    ['branch', 'main', 'refs/heads/main'],
    ['tag', 'v1', 'refs/tags/v1'],
    ['branch', 'refs/tags/v1', 'refs/heads/refs/tags/v1'],
    ['tag', 'refs/heads/main', 'refs/tags/refs/heads/main'],
  ] as const
  for (const [ref_type, ref, expected] of refs) {
    const result = await verify({ ...gitlabClaims, ref_type, ref })
    assert.ok(result.ok)
    assert.equal(result.identity.attributes.ref, expected)
    assert.deepEqual(result.identity.run, { id: '574', attempt: '1', job: '302' })
    assert.equal(result.identity.attributes.repository, 'group/app')
    assert.equal(result.identity.attributes.event, 'push')
  }
})

test('GitLab: refused without its ids, or of another namespace', async () => {
  for (const claim of ['project_id', 'namespace_id', 'job_id', 'ref', 'ref_type']) {
    assert.equal(
      reasonOf(await setup(gitlab).verify({ ...gitlabClaims, [claim]: undefined })),
      'claim_missing',
      claim,
    )
  }
  const { verify } = setup({ ...gitlab, namespace_id: '73' })
  assert.equal(reasonOf(await verify(gitlabClaims)), 'owner_mismatch')
})

test('any OIDC: without jti a token is known by its payload, however its signature is written', async () => {
  const { verifier, key, claims } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
  const payload = claims({ jti: undefined })
  const ids = await Promise.all(
    [signRaw(key, payload), signRaw(key, payload), signRaw(key, payload, { typ: 'other' })].map((token) =>
      verifier.verify(token),
    ),
  )
  const digest = createHash('sha256').update(payload).digest('base64url')
  for (const result of ids) assert.equal(result.ok && result.identity.tokenId, digest)
  const other = await verifier.verify(signRaw(key, claims({ jti: undefined, nonce: 'x' })))
  assert.ok(other.ok)
  assert.notEqual(other.identity.tokenId, digest)
})

test('loose base64url in the signature makes no other token of it', async () => {
  const { verifier, key, claims } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
  const good = signRaw(key, claims({ jti: undefined }))
  const first = await verifier.verify(good)
  assert.ok(first.ok)
  for (const text of [`${good}\n`, `${good}=`, `${good}==`, `${good} `]) {
    const result = await verifier.verify(text)
    if (result.ok)
      assert.equal(result.identity.tokenId, first.identity.tokenId, JSON.stringify(text.slice(-4)))
  }
})

test('any OIDC: a jti that is no text is not used as an id', async () => {
  const { verify } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
  for (const jti of [{}, ['a'], true, 5]) {
    const result = await verify({ jti })
    if (result.ok) assert.equal(typeof result.identity.tokenId, 'string', JSON.stringify(jti))
  }
})

test('profileOf: what a rule must pin', () => {
  assert.deepEqual(profileOf({ kind: 'github-actions', url: githubUrl }).pins, ['repository_id', 'owner_id'])
  assert.deepEqual(profileOf(gitlab).pins, ['repository_id', 'owner_id'])
  const pinned = profileOf({ kind: 'oidc', url: 'https://x', pins: ['sub'] }).pins
  assert.deepEqual(pinned, ['subject'])
})

test('the claims of the fixture are those of GitHub', () => {
  assert.ok(
    profileOf({ kind: 'github-actions', url: githubUrl }).required.every((claim) => claim in githubClaims()),
  )
})
