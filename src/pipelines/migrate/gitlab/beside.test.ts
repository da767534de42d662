import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPipeline } from '../../read/read-pipeline.ts'
import { applyEdits } from '../edits.ts'
import { migrateFiles } from '../migrate.ts'
import type { Project } from '../model.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://gitlab.com', path: 'octo/app', defaultBranch: 'main', id: '4711' },
  packages: { npm: [{ name: 'pkg', versions: '1.*' }] },
  pins: new Map(),
}

const ship = 'ship:\n  script: [npm publish --token $NPM_TOKEN]\n'

/** What becomes of a file that `.gitlab-ci.yml` includes. */
function moveBeside(main: string, included = ship, include = 'include: [{ local: /ci/ship.yml }]\n') {
  const files = [
    readPipeline('.gitlab-ci.yml', `${include}${main}`, 'gitlab'),
    readPipeline('ci/ship.yml', included, 'gitlab', 'included'),
  ]
  const [, migration] = migrateFiles(files, project)
  assert.ok(migration)
  return {
    ...migration,
    text: applyEdits(included, migration.edits),
    why: migration.kept.map(({ why }) => why).join(),
  }
}

test('rules of the whole pipeline that stand in the including file hold for jobs of the included one', () => {
  const trusts = (main: string) => moveBeside(main).roles.map(({ trust }) => trust.any)
  assert.deepEqual(trusts(''), [[{ event: 'push', ref: 'refs/heads/main', ref_protected: 'true' }]])
  assert.deepEqual(trusts('workflow:\n  rules: [{ if: $CI_COMMIT_TAG }]\n'), [
    [{ event: 'push', ref: 'refs/tags/*', ref_protected: 'true' }],
  ])
  const mergeRequests = `workflow:\n  rules: [{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"' }]\n`
  assert.match(moveBeside(mergeRequests).why, /only merge_request_event starts it/)
  // Of a file by itself nothing of another one counts.
  assert.equal(moveBeside(mergeRequests, ship, '').roles.length, 1)
  for (const include of [
    'include: "ci/*.yml"\n',
    'include: ci/ship.yml\n',
    'include: [{ local: "**.yml" }]\n',
  ])
    assert.equal(
      moveBeside(mergeRequests, ship, include).roles.length,
      include.includes('**.') ? 1 : 0,
      include,
    )
})

test('commands that the including file puts before all jobs are not lost', () => {
  const before = (command: string) => `default:\n  before_script: ['${command}']\n`
  assert.match(moveBeside(before('npm ci')).why, /\.gitlab-ci\.yml puts commands before it/)
  assert.match(moveBeside('before_script: [./login.sh]\n').why, /puts commands before it/)
  assert.equal(moveBeside(before('apk add nodejs')).moved.length, 1)
  assert.equal(moveBeside(before('npm ci'), `${ship}  inherit: { default: false }\n`).moved.length, 1)
  assert.equal(moveBeside(before('npm ci'), `${ship}  before_script: [echo a]\n`).moved.length, 1)
})

test('variables and identity tokens that it gives all jobs stay with them', () => {
  const { text } = moveBeside(
    'variables: { NPM_CONFIG_PROVENANCE: "true", API_TOKEN: $OTHER_TOKEN }\ndefault:\n  id_tokens:\n    VAULT: { aud: https://vault.example.com }\n',
  )
  assert.match(text, / -e NPM_CONFIG_PROVENANCE /)
  assert.doesNotMatch(text, /-e API_TOKEN/)
  assert.match(text, /VAULT: \{ aud: "https:\/\/vault\.example\.com" \}\n {4}MAYFLY_ID_TOKEN/)
})

test('what another file says of the same job, or takes from it, keeps it as it is', () => {
  const ways: readonly (readonly [string, RegExp])[] = [
    ['ship:\n  stage: deploy\n', /\.gitlab-ci\.yml says something of ship, too/],
    ['other:\n  extends: ship\n  variables: { A: b }\n', /other of \.gitlab-ci\.yml extends it/],
    ['other:\n  script:\n    - !reference [ship, script]\n', /takes in commands of ship/],
    [
      "other:\n  rules: [{ if: '$NPM_TOKEN' }]\n  script: [echo a]\n",
      /a rule asks whether NPM_TOKEN is there/,
    ],
    ['default:\n  tags: [saas-windows-medium-amd64]\n', /lets it run on saas-windows/],
  ]
  for (const [main, why] of ways) {
    const moved = moveBeside(main)
    assert.match(moved.why, why)
    assert.equal(moved.text, ship)
  }
})

test('only of what no file of the checkout has is told that nobody saw it', () => {
  assert.doesNotMatch(moveBeside('').notes.join(), /included files/)
  const [main] = migrateFiles(
    [readPipeline('.gitlab-ci.yml', `include: [{ template: Jobs/Build.gitlab-ci.yml }]\n${ship}`, 'gitlab')],
    project,
  )
  assert.match(main?.notes.join() ?? '', /what included files put in front/)
})
