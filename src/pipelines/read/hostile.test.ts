import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ciNames } from '../model.ts'
import { bounds } from './bounds.ts'
import { shape, shapeNames, wordsAt } from './fixtures.fixture.ts'
import { readCheckout } from './read-checkout.ts'
import { readPipeline } from './read-pipeline.ts'

const messages = (text: string, ci: (typeof ciNames)[number] = 'github') =>
  readPipeline('a.yml', text, ci)
    .problems.map(({ message }) => message)
    .join('\n')

test('aliases that stand for gigabytes end the reading, and it is said', () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${
        i === 0
          ? 'x'
          : Array(20)
              .fill(`*a${i - 1}`)
              .join(', ')
      }]`,
  )
  const gitlab = `${levels.join('\n')}\njob: { script: *a11 }`
  assert.match(messages(gitlab, 'gitlab'), /more than 200000 names and values/)
  const jobs = `x: &steps [${Array(1_000).fill('{run: a}').join(', ')}]\njobs: {${Array.from({ length: 1_000 }, (_, i) => `j${i}: {steps: *steps}`).join(', ')}}`
  assert.match(messages(jobs), /aliases followed/)
})

test('what refers to itself is read to its end', () => {
  for (const text of [
    'jobs: &a { b: *a }',
    'a: &a { <<: *a, jobs: { b: { steps: [{ run: x }] } } }',
    'jobs: &j\n  <<: [*j, *j]\n  b: { steps: &s [*s, { run: x }] }',
  ])
    assert.doesNotThrow(() => readPipeline('a.yml', text, 'github'))
  const loop =
    '.a: { extends: .b }\n.b: { extends: .a }\nc: { extends: .a, script: [!reference [c, script]] }'
  assert.equal(readPipeline('a.yml', loop, 'gitlab').jobs.length, 3)
})

test('what is nested deeply is refused before it is read', () => {
  for (const text of ['['.repeat(50_000), '- '.repeat(50_000), '{a: '.repeat(5_000)])
    assert.match(messages(text), /nested more than 100 deep/)
  assert.match(messages('{'.repeat(5_000), 'jenkins'), /nested more than 100 deep/)
})

test('a file that is too large is not read', () => {
  assert.match(messages(`a: "${'x'.repeat(bounds.fileBytes)}"`), /more than 1048576 bytes/)
})

test('a name that is there twice, and what is no YAML, is said', () => {
  assert.match(messages('jobs: {}\njobs: { b: {} }'), /"jobs" is there twice/)
  assert.match(messages('jobs: {'), /not valid YAML/)
  assert.match(messages('a: *nothing'), /nothing has the anchor/)
  const both = readPipeline(
    'a.yml',
    'jobs:\n  a: { steps: [{ run: one }] }\n  a: { steps: [{ run: two }] }',
    'github',
  )
  assert.deepEqual(
    both.jobs.map(({ steps }) => steps[0]?.commands[0]?.value),
    ['one', 'two'],
  )
})

test('a secret that is written in another way is found all the same', () => {
  const found = (text: string) => readPipeline('a.yml', text, 'github').secrets.map(({ name }) => name)
  const inStep = (expression: string) => `jobs: { a: { steps: [{ env: { X: ${expression} } }] } }`
  for (const [text, names] of [
    ['"${{ SECRETS.NPM_TOKEN }}"', ['NPM_TOKEN']],
    [`"\${{ secrets [ 'NPM_TOKEN' ] }}"`, ['NPM_TOKEN']],
    ['"\\u0024{{ secrets.NPM\\u005fTOKEN }}"', ['NPM_TOKEN']],
    [`"\${{ format('{0}', secrets.A) || secrets.B }}"`, ['A', 'B']],
    [`"\${{ secrets[format('{0}_TOKEN', 'A')] }}"`, ['*']],
    ['"${{ toJSON(secrets) }}"', ['*']],
    ['"${{ secrets.* }}"', ['*']],
    [`"\${{ 'secrets.A' }}"`, []],
    ['"${{ needs.secrets.outputs.x }}"', []],
    ['"secrets.A"', []],
  ] as const)
    assert.deepEqual(found(inStep(text)), names, text)
  assert.deepEqual(found("jobs: { a: { if: secrets.A != '', steps: [] } }"), ['A'])
})

test('a secret is placed by the words that name it, or by its text where those are written otherwise', () => {
  const text = `jobs:\n  a:\n    steps:\n      - run: |\n          one \${{ secrets.A }}\n          two \${{ secrets.A }} \${{ secrets.B }}\n`
  const file = readPipeline('a.yml', text, 'github')
  assert.deepEqual(
    file.secrets.map(({ span }) => text.slice(span.start - 4, span.end)),
    ['${{ secrets.A', '${{ secrets.A', '${{ secrets.B'],
  )
  assert.ok((file.secrets[0]?.span.start ?? 0) < (file.secrets[1]?.span.start ?? 0))
  const escaped = readPipeline('a.yml', 'env: { A: "\\u0024{{ secrets.A }}" }', 'github')
  assert.equal(wordsAt(escaped, escaped.secrets[0]?.span ?? { start: 0, end: 0 }), '"\\u0024{{ secrets.A }}"')
})

test('references to secrets without end take no time without end', () => {
  const begun = performance.now()
  const many = `env:\n  A: "${'${{ secrets.A }}'.repeat(8_000)}"\n`
  const file = readPipeline('a.yml', many, 'github')
  assert.equal(file.secrets.length, bounds.secrets)
  assert.match(file.problems.map(({ message }) => message).join(), /only the first 5000/)
  for (const text of [
    '${'.repeat(50_000),
    '"${{'.repeat(20_000),
    "'".repeat(50_001),
    '$X_TOKEN '.repeat(20_000),
  ])
    for (const ci of ciNames) readPipeline('a.yml', `a: |\n  ${text}`, ci)
  assert.ok(performance.now() - begun < 30_000)
})

test('no text makes a reader throw', () => {
  const texts = shapeNames.map((name) => shape(name).text)
  const mangled = fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.nat(4_000), fc.nat(60), fc.string({ maxLength: 12, unit: 'binary' })), {
        maxLength: 6,
      }),
    )
    .map(([text, cuts]) =>
      cuts.reduce((all, [at, length, put]) => all.slice(0, at) + put + all.slice(at + length), text),
    )
  fc.assert(
    fc.property(mangled, fc.constantFrom(...ciNames), (text, ci) => {
      const { secrets, problems, jobs } = readPipeline('a.yml', text, ci)
      for (const { span } of [...secrets, ...problems, ...jobs])
        assert.ok(span.start >= 0 && span.end >= span.start && span.end <= text.length)
    }),
    { numRuns: 60 },
  )
})

test('links out of the checkout, devices and other encodings are not read, and it is said', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-pipelines-'))
  try {
    const workflows = join(folder, 'tree/.github/workflows')
    mkdirSync(workflows, { recursive: true })
    writeFileSync(join(folder, 'outside.yml'), 'jobs: {}')
    symlinkSync('../../../outside.yml', join(workflows, 'a.yml'))
    symlinkSync('/dev/zero', join(workflows, 'b.yml'))
    writeFileSync(join(workflows, 'c.yml'), Buffer.from('a: \xff', 'latin1'))
    writeFileSync(
      join(workflows, 'd.yml'),
      'jobs: { a: { steps: [{ uses: ./../../../etc }, { uses: ./not/there }] } }',
    )
    symlinkSync('d.yml', join(workflows, 'e.yml'))
    mkdirSync(join(workflows, 'f.yml'))
    const { files, unread } = readCheckout(join(folder, 'tree'))
    assert.deepEqual(
      files.map(({ path }) => path),
      ['.github/workflows/d.yml', '.github/workflows/e.yml'],
    )
    assert.deepEqual(
      unread.map(({ path, why }) => `${path.split('/').at(-1)}: ${why}`),
      [
        'a.yml: it is a link that leads out of the checkout',
        'b.yml: it is a link that leads out of the checkout',
        'c.yml: it is not UTF-8',
        'f.yml: it is no regular file',
        'action.yml: ./../../../etc, which .github/workflows/d.yml includes, is outside of the checkout',
        'action.yml: ./not/there, which .github/workflows/d.yml includes, is not there',
      ],
    )
    assert.throws(() => readCheckout(join(folder, 'nothing')), /no folder that can be read/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
