import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  audience,
  githubClaims,
  githubUrl,
  makeKey,
  reasonOf,
  setup,
  signRaw,
  startMs,
} from './issuer.fixture.ts'
import { createIdentityVerifier, profileOf } from './index.ts'

const now = startMs / 1000

test('the audience of a server on loopback has any name of loopback, of any other server its own only', async () => {
  const { issuer, key, clock, claims } = setup()
  const judge = async (ours: string, aud: unknown) => {
    const verifier = createIdentityVerifier({
      issuers: { ci: { kind: 'github-actions', url: githubUrl } },
      audience: () => ours,
      fetch: issuer.fetch,
      clock,
    })
    return reasonOf(await verifier.verify(signRaw(key, claims({ aud }))))
  }
  assert.equal(await judge('http://127.0.0.1:7700', 'http://localhost:7700'), 'accepted')
  assert.equal(await judge('http://127.0.0.1:7700', ['http://[::1]:7700']), 'accepted')
  for (const aud of ['http://localhost:7701', 'https://localhost:7700', 'http://localhost.evil.com:7700'])
    assert.equal(await judge('http://127.0.0.1:7700', aud), 'audience_mismatch')
  assert.equal(await judge('https://mayfly.example.com', 'https://localhost'), 'audience_mismatch')
})

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

test('RS256, as GitHub signs', async () => {
  const { issuer, verifier, claims } = setup()
  const key = makeKey('rsa', 'RS256')
  issuer.keys = [key.jwk]
  assert.equal(reasonOf(await verifier.verify(signRaw(key, claims()))), 'accepted')
})

// Each row: what is wrong with the claims, and the reason it is refused for. `undefined` takes the claim away.
const claimRefusals: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['another audience', { aud: 'https://other.example.com' }, 'audience_mismatch'],
  ['audience in other case', { aud: audience.toUpperCase() }, 'audience_mismatch'],
  ['audience with a slash', { aud: `${audience}/` }, 'audience_mismatch'],
  ['a list of other audiences', { aud: ['a', 'b'] }, 'audience_mismatch'],
  ['ours among other audiences', { aud: [audience, 'https://other.example.com'] }, 'audience_mismatch'],
  ['ours twice', { aud: [audience, audience] }, 'audience_mismatch'],
  ['ours within a list within a list', { aud: [[audience]] }, 'audience_mismatch'],
  ['an empty audience', { aud: '' }, 'audience_mismatch'],
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
  ['iss of nobody', { iss: 'https://evil.example.com' }, 'issuer_unknown'],
  ['iss in upper case', { iss: githubUrl.toUpperCase() }, 'issuer_unknown'],
  ['the host of iss in upper case', { iss: 'https://TOKEN.actions.githubusercontent.com' }, 'issuer_unknown'],
  ['iss with the port', { iss: `${githubUrl}:443` }, 'issuer_unknown'],
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

test('any OIDC: without jti a token is known by its payload, however its signature is written', async () => {
  const { verifier, key, claims } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
  const payload = claims({ jti: undefined })
  const ids = await Promise.all(
    [signRaw(key, payload), signRaw(key, payload), signRaw(key, payload, { typ: 'JOSE' })].map((token) =>
      verifier.verify(token),
    ),
  )
  const digest = createHash('sha256').update(payload).digest('base64url')
  for (const result of ids) assert.equal(result.ok && result.identity.tokenId, digest)
  const other = await verifier.verify(signRaw(key, claims({ jti: undefined, nonce: 'x' })))
  assert.ok(other.ok)
  assert.notEqual(other.identity.tokenId, digest)
})

test('any OIDC: a jti that is no text is not used as an id', async () => {
  const { verify } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
  for (const jti of [{}, ['a'], true, 5]) {
    const result = await verify({ jti })
    if (result.ok) assert.equal(typeof result.identity.tokenId, 'string', JSON.stringify(jti))
  }
})

test('the claims of the fixture are those of GitHub', () => {
  assert.ok(
    profileOf({ kind: 'github-actions', url: githubUrl }).required.every((claim) => claim in githubClaims()),
  )
})
