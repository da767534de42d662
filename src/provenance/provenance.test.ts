import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTrustedRoots, isSameSource, npmAttestations, pypiAttestations, verifyAny } from './index.ts'
import { createTestSigstore, pep740, type TestBundle } from './sigstore.fixture.ts'
import { sourceOf } from './source.ts'
import { parseTrustedRoot } from './verify.ts'

const fixture = (name: string) => readFileSync(`test/fixtures/provenance/${name}`, 'utf8')
const publicGood = parseTrustedRoot(JSON.parse(fixture('public-good-root.json')))
const real = fixture('pypi_attestations-0.0.19.tar.gz.provenance.json')
const realSubject = {
  algorithm: 'sha256',
  digest: '9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3',
} as const

test('a real file of PyPI is of the workflow that made it, by Sigstore’s public root', async () => {
  const verdict = await verifyAny(pypiAttestations(real) ?? [], realSubject, [publicGood])
  assert.deepEqual(verdict, {
    ok: true,
    source: {
      issuer: 'https://token.actions.githubusercontent.com',
      repository: 'https://github.com/trailofbits/pypi-attestations',
      repositoryId: '772247423',
      builder: 'https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml',
      commit: '08802efe1f8e5fec4ad842d6b8ce97656092ee72',
    },
  })
})

const sigstore = await createTestSigstore()
const trust = parseTrustedRoot(sigstore.trustedRoot)
const subject = { algorithm: 'sha512', digest: 'ab'.repeat(64) } as const
const about = { name: 'pkg:npm/%40octo/core@1.0.0', digest: { sha512: subject.digest } }
const repository = 'https://github.com/octo/core'
const npmAnswer = (...bundles: readonly unknown[]) =>
  JSON.stringify({
    attestations: bundles.map((bundle) => ({ predicateType: 'https://slsa.dev/provenance/v1', bundle })),
  })

test('npm and Python have the same statement in two forms; a root of one’s own is as good', async () => {
  const bundle = await sigstore.attest({ ...about, repository, repositoryId: '42' })
  for (const attestations of [
    npmAttestations(npmAnswer(bundle)),
    pypiAttestations(JSON.stringify(pep740(bundle))),
  ]) {
    const verdict = await verifyAny(attestations ?? [], subject, [publicGood, trust])
    assert.ok(verdict.ok, JSON.stringify(verdict))
    assert.deepEqual(verdict.source, {
      issuer: 'https://token.actions.githubusercontent.com',
      repository,
      repositoryId: '42',
      builder: `${repository}/.github/workflows/release.yml`,
      commit: 'a'.repeat(40),
    })
  }
})

test('what does not hold is none: each part changed in turn', async () => {
  const good = await sigstore.attest({ ...about, repository })
  const other = await sigstore.attest({ ...about, repository: 'https://github.com/evil/core' })
  const change = (edit: (bundle: TestBundle) => unknown) => {
    const copy = structuredClone(good)
    return edit(copy) ?? copy
  }
  const payloadOf = (statement: unknown) => Buffer.from(JSON.stringify(statement)).toString('base64')
  const forged = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [about],
    predicateType: 'https://slsa.dev/provenance/v1',
  }
  const cases: readonly (readonly [what: string, bundle: unknown])[] = [
    ['another root', await (await createTestSigstore()).attest({ ...about, repository })],
    ['another statement', change(({ dsseEnvelope }) => void (dsseEnvelope.payload = payloadOf(forged)))],
    [
      'another signature',
      change(({ dsseEnvelope }) => void (dsseEnvelope.signatures = other.dsseEnvelope.signatures)),
    ],
    [
      'another certificate',
      change(
        ({ verificationMaterial: one }) => void (one.certificate = other.verificationMaterial.certificate),
      ),
    ],
    [
      'an entry of another bundle',
      change(
        ({ verificationMaterial: one }) => void (one.tlogEntries = other.verificationMaterial.tlogEntries),
      ),
    ],
    ['no entry of a log', change(({ verificationMaterial: one }) => void (one.tlogEntries = []))],
    ['no signature', change(({ dsseEnvelope }) => void (dsseEnvelope.signatures = []))],
    [
      'a public key',
      change(
        ({ verificationMaterial }) =>
          void Object.assign(verificationMaterial, { certificate: undefined, publicKey: { hint: 'x' } }),
      ),
    ],
    ['nothing', {}],
    ['null', null],
    ['text', 'bundle'],
  ]
  assert.ok((await verifyAny([{ bundle: good }], subject, [trust])).ok)
  for (const [what, bundle] of cases)
    assert.equal((await verifyAny([{ bundle }], subject, [trust])).ok, false, what)
  assert.equal(
    (await verifyAny([{ bundle: good }], { ...subject, digest: 'cd'.repeat(64) }, [trust])).ok,
    false,
  )
  assert.equal((await verifyAny([{ bundle: good }], { ...subject, algorithm: 'sha256' }, [trust])).ok, false)
  const tests = await sigstore.attest({
    ...about,
    repository,
    predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
  })
  assert.equal((await verifyAny([{ bundle: tests }], subject, [trust])).ok, false)
  assert.equal((await verifyAny([], subject, [trust])).ok, false)
  assert.equal((await verifyAny([{ bundle: good }], subject, [])).ok, false, 'no root')
})

test('without a root what is said is read, and is about this file nevertheless', async () => {
  const stranger = await (await createTestSigstore()).attest({ ...about, repository })
  const verdict = await verifyAny([{ bundle: stranger }], subject, 'registry')
  assert.ok(verdict.ok)
  assert.equal(verdict.source.repository, repository)
  assert.equal(
    (await verifyAny([{ bundle: stranger }], { ...subject, digest: 'cd'.repeat(64) }, 'registry')).ok,
    false,
  )
})

test('only what a build signed counts of what npm answers; other answers are none', () => {
  const answer = {
    attestations: [
      { predicateType: 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1', bundle: 1 },
      { predicateType: 'https://slsa.dev/provenance/v0.2', bundle: 2 },
      { bundle: 3 },
      null,
    ],
  }
  assert.deepEqual(npmAttestations(JSON.stringify(answer)), [{ bundle: 2 }])
  for (const text of [
    '',
    '[]',
    'null',
    '{}',
    '{"attestations":{}}',
    '['.repeat(10_000),
    JSON.stringify({ attestations: Array(51).fill({}) }),
  ])
    assert.equal(npmAttestations(text), undefined, text.slice(0, 20))
})

test('a repository is known by its id past a rename, and never by its name alone elsewhere', () => {
  const one = { issuer: 'https://a', repository: 'https://github.com/octo/core', repositoryId: '1' }
  assert.ok(isSameSource(one, { ...one, repository: 'https://github.com/octo/renamed' }))
  assert.ok(!isSameSource(one, { ...one, repositoryId: '2' }))
  assert.ok(!isSameSource(one, { ...one, issuer: 'https://b' }))
  const { repositoryId: _, ...nameless } = one
  assert.ok(isSameSource(one, { ...nameless, repository: 'https://github.com/Octo/Core' }))
  assert.ok(!isSameSource(nameless, { ...nameless, repository: 'https://github.com/evil/core' }))
})

test('any bytes in a certificate’s extensions are a text without control characters, or nothing', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.string({ maxLength: 300 }).map((text) => {
      const body = Buffer.from(text)
      return Buffer.concat([
        Buffer.from([
          0x0c,
          ...(body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 255]),
        ]),
        body,
      ])
    }),
  )
  fc.assert(
    fc.property(bytes, bytes, (issuer, repository) => {
      const source = sourceOf('x', [
        { oid: '1.3.6.1.4.1.57264.1.8', value: Buffer.from(issuer) },
        { oid: '1.3.6.1.4.1.57264.1.12', value: Buffer.from(repository) },
      ])
      return source === undefined || !/\p{Cc}/u.test(`${source.issuer}${source.repository}`)
    }),
    { numRuns: 2_000 },
  )
})

test('a trusted root is a file, of one root or of one a line; what is none says so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-root-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  let nowMs = 0
  const roots = createTrustedRoots({ clock: { nowMs: () => nowMs } })
  const path = join(folder, 'root.json')
  writeFileSync(path, fixture('public-good-root.json'))
  assert.equal((await roots.of(path)).length, 1)
  writeFileSync(path, `${JSON.stringify(sigstore.trustedRoot)}\n${JSON.stringify(sigstore.trustedRoot)}\n`)
  assert.equal((await roots.of(path)).length, 1)
  nowMs += 3_600_000
  assert.equal((await roots.of(path)).length, 2)
  writeFileSync(path, 'x')
  nowMs += 3_600_000
  assert.equal((await roots.of(path)).length, 2, 'what was read before counts')
  for (const text of ['', '{}', '{"certificateAuthorities":[]}', 'null', '[1]']) {
    const wrong = join(folder, 'wrong.json')
    writeFileSync(wrong, text)
    await assert.rejects(roots.of(wrong), /the trusted root .*wrong\.json cannot be read/, text)
  }
  await assert.rejects(roots.of(join(folder, 'none')), /cannot be read/)
})
