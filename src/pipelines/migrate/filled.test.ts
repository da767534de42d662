import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CiName } from '../model.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { applyEdits } from './edits.ts'
import { migrateFile } from './migrate.ts'

const move = (ci: CiName, text: string) => {
  const moved = migrateFile(readPipeline('ci.yml', text, ci), {
    server: 'https://mayfly.example.com',
    repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: 'ID' },
    packages: {},
    pins: new Map(),
  })
  return { ...moved, text: applyEdits(text, moved.edits) }
}

test('what fills a secret’s variable goes with it, however it is called', () => {
  const { text, moved } = move(
    'gitlab',
    'a:\n  script: [aws s3 cp f s3://octo-bucket/f]\n  variables:\n    AWS_ACCESS_KEY_ID: $FOO\n    AWS_SECRET_ACCESS_KEY: $BAR\n    LEVEL: warn\n',
  )
  assert.deepEqual(
    moved.map(({ reference, connection }) => `${reference.name} ${connection}`),
    ['FOO aws', 'BAR aws'],
  )
  assert.doesNotMatch(text, /FOO|BAR|AWS_/)
  assert.match(text, /LEVEL: warn/)
})

test('Buildkite: a secret that the step alone is given, under a name that its script reads', () => {
  const { text, moved, kept } = move(
    'buildkite',
    'steps:\n  - label: pub\n    branches: main\n    secrets: { NPM_TOKEN: npm_token }\n    command:\n      - npm config set //registry.npmjs.org/:_authToken "$$NPM_TOKEN"\n      - npm publish\n',
  )
  assert.deepEqual(kept, [])
  assert.deepEqual(
    moved.map(({ reference }) => reference.name),
    ['npm_token'],
  )
  assert.match(text, /export NPM_TOKEN=held-by-the-gateway/)
  assert.doesNotMatch(text, /secrets:/)
})
