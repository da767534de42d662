import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { aStep, digestOf } from './facts.fixture.ts'
import { problemsOf, provenanceProblems } from './in-toto-rules.fixture.ts'
import { encodeStatement, provenanceOf, type StepFacts } from './index.ts'

type Provenance = {
  buildDefinition: {
    externalParameters: Record<string, unknown>
    internalParameters: Record<string, unknown>
    resolvedDependencies: { uri?: string; name?: string; digest?: Record<string, string> }[]
  }
  runDetails: {
    builder: { id: string }
    byproducts: { name: string; annotations?: Record<string, unknown> }[]
  }
}

function made(facts: StepFacts) {
  const statement = provenanceOf(facts)
  assert.ok(statement !== undefined)
  return { statement, predicate: statement.predicate as Provenance }
}

test('provenance says who built what, from what, with each digest under in-toto’s name', () => {
  const { statement, predicate } = made(aStep)
  assert.deepEqual(statement.subject, [
    { name: 'dist/app-1.2.0.tgz', digest: { sha256: digestOf('c') } },
    { name: 'pkg:npm/%40octo/app@1.2.0', digest: { sha256: digestOf('c') } },
  ])
  assert.equal(predicate.runDetails.builder.id, 'https://mayfly.example.com/builders/tier-b')
  const dependencies = predicate.buildDefinition.resolvedDependencies
  assert.deepEqual(
    dependencies.map(({ uri, name, digest }) => [uri ?? name, Object.keys(digest ?? {})]),
    [
      ['dist/index.js', ['sha256']],
      ['git+https://github.com/octo-org/app@refs/tags/v1.2.0', ['gitCommit']],
      ['pkg:golang/example.com/lib@v1.0.0', ['dirHash', 'sha256']],
      ['pkg:npm/%40octo/core@1.0.0', ['sha256', 'sha512']],
    ],
  )
  // in-toto's own example of a Go module.
  assert.equal(
    dependencies[2]?.digest?.['dirHash'],
    '2a1bb6127fb481c60f67692e22285fb306f3c6ffe62075e0ccf674d7c3adcb8f',
  )
})

test('it keeps the rules of in-toto and the fields of SLSA, whatever the step and its files are called', () => {
  for (const name of ['usual', 'git+https://x@y#z', '\u0000\n"', '\ud800', 'ü'.repeat(5_000)]) {
    const { statement } = made({
      ...aStep,
      identity: {
        ...aStep.identity,
        attributes: { ...aStep.identity.attributes, ref: name, workflow: name },
      },
      published: [{ name, digest: `sha256:${digestOf('1')}`, connection: name }],
      materials: [{ uri: name, digest: { sha256: digestOf('2') }, by: name, connection: name }],
      reported: {
        ...aStep.reported,
        ...{ name, command: name, image: `${name}@sha256:${digestOf('3')}` },
        artifacts: [name, `${name}/2`].map((path) => ({ path, sha256: digestOf('4'), bytes: 1 })),
      },
    })
    const read = JSON.parse(Buffer.from(encodeStatement(statement)).toString()) as Record<string, never>
    assert.deepEqual([...problemsOf(read), ...provenanceProblems(read['predicate'] ?? {})], [], name)
  }
  const { statement } = made(aStep)
  const wrong = { ...statement, subject: [{ name: 'x', digest: { sha256: 'AB' } }, { name: 'x' }] }
  assert.equal(problemsOf(wrong).length, 3)
})

test('whether a secret was seen is not said of a step of whose end its supervisor said nothing', () => {
  const outcomeOf = (facts: StepFacts) =>
    made(facts).predicate.runDetails.byproducts.find(({ name }) => name === 'outcome')?.annotations
  assert.equal(outcomeOf(aStep)?.['secretsFound'], 0)
  const { exitCode: _, ...reported } = aStep.reported
  assert.equal(outcomeOf({ ...aStep, reported })?.['secretsFound'], undefined)
  const secretsSeen = [{ name: 'TOKEN', count: 2 }]
  assert.equal(outcomeOf({ ...aStep, reported: { ...aStep.reported, secretsSeen } })?.['secretsFound'], 2)
})

test('no name of a person comes into it: it could never be erased', () => {
  const facts = {
    ...aStep,
    identity: { ...aStep.identity, person: 'mona' },
    approvals: [{ ...aStep.approvals[0]!, people: ['github:583231', 'per_zyxwvtsrqpnmkjhgfedcba98'] }],
  }
  const text = Buffer.from(encodeStatement(made(facts).statement)).toString()
  assert.doesNotMatch(text, /mona|583231/)
  assert.match(text, /per_zyxwvtsrqpnmkjhgfedcba98/)
})

test('a step that made nothing has no provenance', () => {
  assert.equal(
    provenanceOf({ ...aStep, published: [], reported: { ...aStep.reported, artifacts: [] } }),
    undefined,
  )
})

test('the order in which facts were read changes no byte', () => {
  const turned: StepFacts = {
    ...aStep,
    grants: aStep.grants.toReversed(),
    materials: aStep.materials.toReversed(),
    identity: {
      ...aStep.identity,
      attributes: Object.fromEntries(Object.entries(aStep.identity.attributes).toReversed()),
    },
  }
  assert.deepEqual(encodeStatement(made(turned).statement), encodeStatement(made(aStep).statement))
})

test('a ref, a path or a package named by an attacker stays in its own field', () => {
  const ref = 'refs/heads/x@v1#?"}\u0000'
  const files = [
    { path: 'pkg:npm/evil@1.0.0', sha256: digestOf('1'), bytes: 1 },
    { path: 'x\nname: y', sha256: digestOf('2'), bytes: 1 },
  ]
  const { statement, predicate } = made({
    ...aStep,
    identity: { ...aStep.identity, attributes: { ...aStep.identity.attributes, ref } },
    materials: [
      { uri: 'pkg:npm/a b@1', digest: { sha256: digestOf('3') }, by: 'none', connection: 'npm' },
      { uri: 'pkg:npm/x@1', digest: { sha256: 'A'.repeat(64), md5: 'a' }, by: 'none', connection: 'npm' },
    ],
    published: [],
    reported: { ...aStep.reported, artifacts: files, inputs: [] },
  })
  assert.deepEqual(
    statement.subject.map(({ name }) => name),
    ['./pkg:npm/evil@1.0.0', 'x\uFFFDname: y'],
  )
  assert.deepEqual(
    predicate.buildDefinition.resolvedDependencies.map(({ uri }) => uri),
    ['git+https://github.com/octo-org/app@refs/heads/x%40v1%23%3F%22%7D%EF%BF%BD'],
  )
})

test('of two things that are called the same the second has its digest alone', () => {
  const published = [digestOf('1'), digestOf('2')].map((hex) => ({
    ...{ name: 'pkg:npm/x@1', digest: `sha256:${hex}`, connection: 'npm' },
  }))
  const { statement } = made({ ...aStep, published, reported: { ...aStep.reported, artifacts: [] } })
  assert.deepEqual(
    statement.subject.map(({ name }) => name),
    ['pkg:npm/x@1', undefined],
  )
})

test('whatever texts there are, the bytes are JSON in UTF-8 that reads back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), fc.string({ unit: anyCharacter }), (path, ref) => {
      const { statement } = made({
        ...aStep,
        identity: { ...aStep.identity, attributes: { ...aStep.identity.attributes, ref, workflow: path } },
        reported: {
          ...aStep.reported,
          ...{ command: path, name: ref },
          artifacts: [{ path, sha256: digestOf('1'), bytes: 1 }],
        },
      })
      const bytes = encodeStatement(statement)
      const read: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      assert.deepEqual(read, JSON.parse(JSON.stringify(statement)))
    }),
    { numRuns: 40 },
  )
})
