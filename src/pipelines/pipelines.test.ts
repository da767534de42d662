import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPositions, placeOf, readCheckout, readPipeline, referencesOf, replacementOf } from './index.ts'
import { shapes } from './read/fixtures.fixture.ts'
import { isJobToken, looksSecret } from './read/secret-names.ts'

test('a file is known by its path', () => {
  const known = (path: string) => placeOf(path)?.ci
  assert.equal(known('.github/workflows/a.yml'), 'github')
  assert.equal(known('.github/workflows/deep/a.yml'), undefined)
  assert.equal(known('.gitea/workflows/a.yaml'), 'forgejo')
  assert.equal(known('action.yml'), 'github')
  assert.equal(known('ci/Jenkinsfile.release'), 'jenkins')
  assert.equal(known('azure-pipelines-ci.yml'), 'azure')
  assert.equal(known('src/a.yml'), undefined)
})

test('lines and columns count from one, in UTF-16', () => {
  const at = createPositions('a\n😀b\n')
  assert.deepEqual(
    [at(0), at(4), at(5)],
    [
      { line: 1, column: 1 },
      { line: 2, column: 3 },
      { line: 2, column: 4 },
    ],
  )
})

test('a name says whether its value is a secret', () => {
  for (const name of [
    'NPM_TOKEN',
    'npmToken',
    'DB_PASSWORD',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_ACCESS_KEY_ID',
    'SLACK_WEBHOOK_URL',
    'KUBECONFIG',
    'SSH_PRIVATE_KEY',
    'GH_PAT',
  ])
    assert.ok(looksSecret(name), name)
  for (const name of [
    'TOKENIZER',
    'PASSED',
    'KEYBOARD',
    'PASSWORD_FILE',
    'SECRET_NAME',
    'TOKEN_URL',
    'CACHE_KEY',
    'PATH',
    'PATTERN',
  ])
    assert.ok(!looksSecret(name), name)
  assert.ok(isJobToken('gitlab', 'CI_JOB_TOKEN') && isJobToken('azure', 'System.AccessToken'))
  assert.ok(isJobToken('github', 'GITHUB_TOKEN') && !isJobToken('github', 'NPM_TOKEN'))
  // Elsewhere somebody made it, and keeps it.
  for (const ci of ['gitlab', 'buildkite', 'circleci', 'bitbucket', 'azure', 'jenkins'] as const)
    assert.equal(isJobToken(ci, 'GITHUB_TOKEN'), false)
})

test('a checkout and a text are read alike', () => {
  const { files } = readCheckout(`${shapes}/go-release`)
  const [file] = files
  assert.deepEqual(readPipeline(file?.path ?? '', file?.text ?? '', 'github'), file)
  assert.ok(file !== undefined)
  assert.equal(referencesOf(file).length, 7)
  assert.deepEqual(
    file.secrets.map((secret) => replacementOf(file, secret)?.connection),
    [undefined, 'oci', 'github', 'http', 'ssh', undefined, undefined, undefined, 'github'],
  )
})
