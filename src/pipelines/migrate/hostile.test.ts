import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { shapeNames, shapes } from '../read/fixtures.fixture.ts'
import { readCheckout } from '../read/read-checkout.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { unifiedDiff } from './diff.ts'
import { applyEdits } from './edits.ts'
import { migrateFile } from './migrate.ts'
import type { Project } from './model.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://example.com', path: 'octo/app', defaultBranch: 'main', id: '4711' },
  install: 'make mayfly',
  packages: {},
  pins: new Map(),
}

const files = shapeNames.flatMap((name) => readCheckout(join(shapes, name)).files.slice())

const put = [
  ...['', ' ', '\n', '{', '}', '*a', '&a ', '- ', ': ', "'", '"', '|\n', '>-\n', '\t', '#', '\r', '\\'],
  ...[
    '$NPM_TOKEN',
    '<<: *a\n',
    '!reference [a, script]',
    'script: ',
    'before_script: []\n',
    'MAYFLY\n',
    '\0',
    '\u{2028}',
  ],
]

test('a file of any CI that anything was done to is moved or left, and never throws', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.nat(),
      fc.nat(60),
      fc.constantFrom(...put),
      ({ text, path, ci }, at, length, word) => {
        const start = at % text.length
        const broken = text.slice(0, start) + word + text.slice(start + length)
        const file = readPipeline(path, broken, ci)
        const { edits, roles, moved } = migrateFile(file, project)
        assert.equal(edits.length > 0, roles.length > 0)
        const after = applyEdits(broken, edits)
        unifiedDiff(path, broken, edits)
        const again = readPipeline(path, after, ci)
        // A file that was whole stays whole, and has fewer secrets.
        assert.deepEqual(
          again.problems.filter(({ isUnclear }) => isUnclear !== true).map(({ message }) => message),
          file.problems.filter(({ isUnclear }) => isUnclear !== true).map(({ message }) => message),
        )
        assert.ok(again.secrets.length <= file.secrets.length - moved.length)
      },
    ),
    { numRuns: 400 },
  )
})

test('what is too large to be moved is said', () => {
  const all = Array.from({ length: 3_000 }, (_, i) => `"x${i}"`).join(', ')
  const jobs = Array.from(
    { length: 200 },
    (_, i) => `j${i}: { extends: .a, script: [npm publish $NPM_TOKEN] }`,
  )
  const text = `.a: { needs: &a [${all}], before_script: *a }\n${jobs.join('\n')}`
  const file = readPipeline('.gitlab-ci.yml', text, 'gitlab')
  const { edits, kept } = migrateFile(file, project)
  assert.deepEqual(edits, [])
  assert.match(kept.map(({ why }) => why).join(), /more than 200000 names and values/)
})

test('one word over and over is gone through once for each place, not for each pair of them', () => {
  const secret = '${{ secrets.NPM_TOKEN }}'
  for (const word of ['git ', '//a', 'envsubst ', 'https://a', 'registry ', '\\n', 'curl -H ', 'read -a ']) {
    const script = `${word.repeat(200_000 / word.length)}$`
    const github = `on: { push: { branches: [main] } }\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: "npm publish; ${script}"\n        env: { NODE_AUTH_TOKEN: "${secret}" }\n`
    const gitlab = `a:\n  script: ["npm publish $NPM_TOKEN; ${script}"]\n  rules: [{ if: '$CI_COMMIT_BRANCH == "main"' }]\n`
    for (const [path, text, ci] of [
      ['.github/workflows/a.yml', github, 'github'],
      ['.gitlab-ci.yml', gitlab, 'gitlab'],
    ] as const) {
      const file = readPipeline(path, text, ci)
      const { edits, kept } = migrateFile(file, project)
      assert.ok(edits.length > 0 || kept.length > 0, word)
    }
  }
})
