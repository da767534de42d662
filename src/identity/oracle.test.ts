import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { signatureAlgorithms } from './compact-token.ts'
import { audience, b64, fakeIssuer, githubClaims, githubUrl, makeKey, startMs } from './issuer.fixture.ts'
import { createIdentityVerifier } from './index.ts'
import { maxClockSkewSeconds } from './validity.ts'

const now = startMs / 1000
const keys = {
  RS256: makeKey('rsa', 'RS256'),
  ES256: makeKey('ec'),
  EdDSA: edKey(),
}
type Alg = keyof typeof keys

function edKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { kid: 'ed', privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'ed' } }
}

function signWith(alg: Alg, input: string): Buffer {
  const key = keys[alg].privateKey
  return alg === 'EdDSA'
    ? sign(null, Buffer.from(input), key)
    : sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
}

// Each: other values of some members; `undefined` takes one away.
const headers = fc.record(
  {
    alg: fc.constantFrom<unknown>(...signatureAlgorithms, 'none', 'HS256', 'rs256', null),
    kid: fc.constantFrom<unknown>('rsa', 'ec', 'ed', 'other', '', undefined, 7, '__proto__'),
    typ: fc.constantFrom<unknown>('JWT', 'jwt', 'at+jwt', undefined, 1),
    crit: fc.constantFrom<unknown>(['exp'], []),
    b64: fc.constantFrom<unknown>(true, false),
  },
  { requiredKeys: [] },
)
const time = fc.oneof(
  fc.integer({ min: -90, max: 90 }).map((seconds) => now + seconds),
  fc.constantFrom<unknown>(undefined, null, '', String(now + 60), 0, -1, now + 60.5, now * 1000, [now + 60]),
)
const claims = fc.record(
  {
    exp: time,
    nbf: time,
    iat: time,
    aud: fc.constantFrom<unknown>(audience, [audience], [audience, 'x'], 'x', [], undefined, null, [
      [audience],
    ]),
    iss: fc.constantFrom<unknown>(githubUrl, `${githubUrl}/`, undefined),
    sub: fc.constantFrom<unknown>('s', undefined),
  },
  { requiredKeys: [] },
)
const jwks = fc.record(
  {
    use: fc.constantFrom<unknown>('sig', 'enc', undefined),
    alg: fc.constantFrom<unknown>(...signatureAlgorithms, undefined),
    key_ops: fc.constantFrom<unknown>(['verify'], ['sign'], []),
    kid: fc.constantFrom<unknown>('rsa', 'ec', 'ed', undefined),
  },
  { requiredKeys: [] },
)
const signatures = fc.constantFrom<(signature: Buffer) => Buffer>(
  ...Array.from({ length: 15 }, () => (signature: Buffer) => signature),
  (signature) => signature.subarray(1),
  (signature) => Buffer.concat([signature, Buffer.alloc(1)]),
  (signature) => Buffer.from(signature.map((byte, i) => (i === 9 ? byte ^ 1 : byte))),
  (signature) => Buffer.alloc(signature.length),
  () => Buffer.alloc(0),
)
const usually = <T extends object>(changes: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant<Partial<T>>({}) }, { weight: 1, arbitrary: changes })

const plainly = (header: object, payload: object) => ({
  header,
  payload,
  alg: 'RS256' as const,
  key: {},
  mangle: (signature: Buffer) => signature,
})

test('what we take jose takes too; what we alone refuse we refuse for a reason that is ours', async () => {
  const seen = { taken: 0, refusedByBoth: 0, ours: new Set<string>() }
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        alg: fc.constantFrom<Alg>('RS256', 'ES256', 'EdDSA'),
        header: usually(headers),
        payload: usually(claims),
        key: usually(jwks),
        mangle: signatures,
      }),
      async ({ alg, header, payload, key, mangle }) => {
        const published = [
          ...Object.entries(keys)
            .filter(([name]) => name !== alg)
            .map(([, { jwk }]) => jwk),
          { ...keys[alg].jwk, ...key },
        ]
        const text = { ...githubClaims(), iss: githubUrl, ...payload }
        const input = `${b64(JSON.stringify({ alg, kid: keys[alg].kid, ...header }))}.${b64(JSON.stringify(text))}`
        const token = `${input}.${b64(mangle(signWith(alg, input)))}`
        const issuer = fakeIssuer(githubUrl)
        issuer.keys = published
        const verifier = createIdentityVerifier({
          issuers: { ci: { kind: 'github-actions', url: githubUrl } },
          audience: () => audience,
          fetch: issuer.fetch,
          clock: { nowMs: () => startMs },
        })
        const result = await verifier.verify(token)
        const ours = result.ok ? 'taken' : result.reason
        const jose = await jwtVerify(token, createLocalJWKSet({ keys: published } as JSONWebKeySet), {
          algorithms: [...signatureAlgorithms],
          audience,
          issuer: githubUrl,
          clockTolerance: maxClockSkewSeconds,
          currentDate: new Date(startMs),
          requiredClaims: ['exp', 'iat', 'sub'],
        }).then(
          () => 'taken',
          () => 'refused',
        )
        if (ours === 'taken') assert.equal(jose, 'taken', token)
        if (ours === 'taken') seen.taken++
        else if (jose === 'refused') seen.refusedByBoth++
        else seen.ours.add(ours)
      },
    ),
    {
      numRuns: 1500,
      // Chance alone finds too few of what we refuse and jose takes.
      examples: [
        [plainly({ typ: 'at+jwt' }, {})],
        [plainly({}, { aud: [audience, 'x'] })],
        [plainly({}, { iat: now + 90 })],
      ],
    },
  )
  assert.ok(
    seen.taken > 100 && seen.refusedByBoth > 100 && seen.ours.size > 1,
    JSON.stringify({ ...seen, ours: [...seen.ours] }),
  )
  for (const reason of seen.ours)
    assert.ok(
      [
        // Another type of token, an extension; an audience beside ours; an `iat` of the future, a life of a day or none.
        'header_refused',
        'audience_mismatch',
        'token_not_yet_valid',
        'token_expired',
        'token_malformed',
      ].includes(reason),
      reason,
    )
})
