import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cycloneDxValidator } from '../../audit/sbom/cyclonedx.fixture.ts'
import { readStatement } from '../verify/index.ts'
import { aStep, digestOf } from './facts.fixture.ts'
import { summaryProblems } from './in-toto-rules.fixture.ts'
import { encodeStatement, sbomOf, vsaOf, type VerificationFacts } from './index.ts'

test('the bill of materials of a step: CycloneDX 1.6 by the official schema, about what it made', () => {
  const statement = sbomOf(aStep)
  assert.ok(statement !== undefined)
  const { predicateType, predicate, subject } = readStatement(encodeStatement(statement))
  assert.equal(predicateType, 'https://cyclonedx.org/bom')
  assert.equal(subject.length, 2)
  const validate = cycloneDxValidator()
  assert.ok(validate(predicate), JSON.stringify(validate.errors))
  const { components, metadata } = predicate as Record<string, never[]> & {
    metadata: { component: Record<string, unknown> }
  }
  assert.deepEqual(
    components?.map(({ purl }) => purl),
    ['pkg:golang/example.com/lib@v1.0.0', 'pkg:npm/%40octo/core@1.0.0'],
  )
  assert.equal(metadata.component['bom-ref'], aStep.step.id)
  assert.deepEqual(
    encodeStatement(sbomOf({ ...aStep, materials: aStep.materials.toReversed() }) ?? statement),
    encodeStatement(statement),
  )
})

test('what was read to choose a version, and commits, are no components; a step without packages has no bill', () => {
  const [npm] = aStep.materials
  assert.ok(npm !== undefined)
  const git = { ...npm, uri: 'git+https://git.example.com/app', digest: { gitCommit: 'c'.repeat(40) } }
  assert.equal(sbomOf({ ...aStep, materials: [{ ...npm, part: true }, git] }), undefined)
  assert.equal(sbomOf({ ...aStep, published: [], reported: { ...aStep.reported, artifacts: [] } }), undefined)
})

const verification: VerificationFacts = {
  verifier: { id: 'https://mayfly.example.com/verifier', version: '1.4.0' },
  timeMs: Date.UTC(2026, 10, 29, 7),
  resourceUri: 'pkg:npm/%40octo/app@1.2.0',
  subject: { name: 'app-1.2.0.tgz', digest: `sha256:${digestOf('c')}` },
  policy: { uri: 'file:///policy.yaml', sha256: digestOf('7') },
  attestations: [{ sha256: digestOf('b') }, { sha256: digestOf('a'), uri: 'https://mayfly.example.com/a' }],
  passed: true,
  tier: 'B',
  isEphemeral: true,
}

test('a verification summary has the fields of SLSA’s, and claims no level that nobody knows of', () => {
  const { predicate } = readStatement(encodeStatement(vsaOf(verification)))
  assert.deepEqual(predicate, {
    verifier: { id: 'https://mayfly.example.com/verifier', version: { mayfly: '1.4.0' } },
    timeVerified: '2026-11-29T07:00:00.000Z',
    resourceUri: 'pkg:npm/%40octo/app@1.2.0',
    policy: { uri: 'file:///policy.yaml', digest: { sha256: digestOf('7') } },
    inputAttestations: [
      { uri: 'https://mayfly.example.com/a', digest: { sha256: digestOf('a') } },
      { digest: { sha256: digestOf('b') } },
    ],
    verificationResult: 'PASSED',
    verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
    slsaVersion: '1.2',
  })
  assert.deepEqual(summaryProblems(predicate as Record<string, unknown>), [])
  const levelOf = (change: Partial<VerificationFacts>) =>
    (vsaOf({ ...verification, ...change }).predicate as { verifiedLevels: string[] }).verifiedLevels.join()
  assert.deepEqual(
    [{ isEphemeral: false }, { tier: 'C' as const }, { tier: 'E' as const }, { passed: false }].map(levelOf),
    ['SLSA_BUILD_LEVEL_2', 'SLSA_BUILD_LEVEL_2', 'SLSA_BUILD_LEVEL_1', 'FAILED'],
  )
  const { tier: _tier, ...ofOthers } = verification
  assert.deepEqual((vsaOf(ofOthers).predicate as { verifiedLevels: string[] }).verifiedLevels, [
    'SLSA_BUILD_LEVEL_UNEVALUATED',
  ])
})

test('a summary about no digest, or under a policy without a name, is not made', () => {
  for (const change of [
    { subject: { digest: 'sha256:x' } },
    { policy: { uri: 'policy', sha256: digestOf('7') } },
    { policy: { uri: 'file:///p', sha256: '' } },
    { resourceUri: 'an image' },
  ])
    assert.throws(() => vsaOf({ ...verification, ...change }), RangeError)
})
