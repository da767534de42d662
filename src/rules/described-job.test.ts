import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileDocument, failedTests, type CompiledDocument } from './compile-document.ts'
import { jobOf, jobOfToken, sortClaims } from './described-job.ts'
import * as fixtures from '../identity/profiles.fixture.ts'

function compile(text: string): CompiledDocument {
  const result = compileDocument(text, 'mayfly.yaml')
  assert.ok(result.ok, result.ok ? '' : result.problems.map(({ message }) => message).join('\n'))
  return result.compiled
}

function problemsOf(text: string): string {
  const result = compileDocument(text, 'mayfly.yaml')
  return result.ok ? '' : result.problems.map(({ line, message }) => `${line}: ${message}`).join('\n')
}

const policy = (kind: string, trust: string, more = '') => `issuers:
  ci: { kind: ${kind} }
connections:
  git: { kind: git, url: https://git.example.com }
roles:
  build:
    trust: { issuer: ci, ${trust} }
    grants: [ "git:read git/octo/app" ]
${more}`

for (const [name, { config, payload, attributes }] of Object.entries(fixtures)) {
  test(`${name}: a token's claims by hand, its payload and the verified token are the same job`, () => {
    const { document, issuers } = compile(policy('github-actions', 'repository_id: "1", event: push'))
    const known = {
      document: { ...document, issuers: { ci: config } },
      issuers: new Map([
        ['ci', { ...issuers.get('ci')!, kind: config.kind, forms: {}, documented: {}, fixed: {} }],
      ]),
    }
    const read = jobOfToken(known, 'ci', payload)
    assert.equal(read.kind, 'job')
    assert.ok(read.kind === 'job')
    assert.deepEqual(read.subject.attributes, attributes)
    const byHand = jobOf(known, 'ci', { claims: read.subject.claims })
    assert.deepEqual(byHand.kind === 'job' && byHand.subject.attributes, attributes)
  })
}

// Each row: what no token of this CI can have, and what to write instead.
const impossible: readonly (readonly [kind: string, trust: string, said: RegExp])[] = [
  ['gitlab', 'repository_id: "7", event: push, ref: main', /did you mean "refs\/heads\/main"/],
  [
    'gitlab',
    'repository_id: "7", event: push, ref: refs/merge-requests/1/head',
    /gitlab has refs\/heads\/BRANCH or/,
  ],
  ['gitlab', 'repository_id: "7", event: pushh', /did you mean "push"/],
  ['gitlab', 'repository_id: "7", event: pull_request', /event "pull_request" can never hold/],
  [
    'gitlab',
    'repository_id: octo/app, event: push',
    /repository_id "octo\/app" can never hold: gitlab has a number/,
  ],
  ['gitlab', 'repository_id: "7", event: [push, wbe]', /7: .*"wbe" can never hold/],
  ['github-actions', 'repository_id: "7", event: push, ref: main', /did you mean "refs\/heads\/main"/],
  ['github-actions', 'repository_id: "7", event: pull-request', /did you mean "pull_request"/],
  ['github-actions', 'repository_id: "7", event: workflow_call', /can never hold/],
  ['github-actions', 'repository_id: "7", event: push, commit: main', /has the 40 or 64 digits of a commit/],
  ['github-actions', 'repository_id: "7", event: push, ref_protected: "yes"', /one of true, false/],
  ['github-actions', 'repository_id: "7", event: push, fork: false', /say nothing of fork/],
  [
    'github-actions',
    'repository_id: "7", event: push, claims: { ref: main }',
    /did you mean "refs\/heads\/main"/,
  ],
  [
    'github-actions',
    'repository_id: "7", any: [{ event: push }, { event: pusch }]',
    /"pusch" can never hold/,
  ],
  [
    'buildkite',
    'repository_id: 0184990a-477b-4fa8-9968-496074483177, environment: prod',
    /say nothing of environment/,
  ],
  ['buildkite', 'repository_id: 0184990A-477B-4FA8-9968-496074483177', /did you mean "0184990a/],
  [
    'buildkite',
    'repository_id: 0184990a-477b-4fa8-9968-496074483177, event: push',
    /one of ui, api, webhook/,
  ],
  ['terraform-cloud', 'repository_id: octo, event: apply', /an id such as ws-/],
]
for (const [kind, trust, said] of impossible)
  test(`${kind}: ${trust} is refused when loaded`, () => assert.match(problemsOf(policy(kind, trust)), said))

// Each row: what tokens can have, however unusual.
const possible: readonly (readonly [kind: string, trust: string])[] = [
  ['gitlab', 'repository_id: "7", event: push, ref: refs/heads/*'],
  ['gitlab', 'repository_id: "7", event: push, ref: "refs/*/größe"'],
  ['gitlab', 'repository_id: "7", event: "p*"'],
  ['gitlab', 'repository_id: "7", event: push, claims: { ref: main }'],
  ['github-actions', 'repository_id: "7", event: push, ref: refs/pull/*/merge'],
  ['github-actions', 'repository_id: "7", claims: { event_name: an_event_of_next_year }'],
  ['github-actions', 'repository_id: "7", event: push, commit: "abc*"'],
  ['buildkite', 'repository_id: 0184990a-477b-4fa8-9968-496074483177, event: webhook'],
]
for (const [kind, trust] of possible)
  test(`${kind}: ${trust} is accepted`, () => assert.equal(problemsOf(policy(kind, trust)), ''))

test('GitLab says main and means refs/heads/main: claims by hand, a token and a test agree', () => {
  const compiled = compile(policy('gitlab', 'repository_id: "22", event: push, ref: refs/heads/main'))
  const byHand = sortClaims(compiled, 'ci', [
    ['ref', 'main'],
    ['repository_id', '22'],
    ['pipeline_source', 'push'],
  ])
  assert.deepEqual(byHand, {
    claims: { ref: 'main', pipeline_source: 'push' },
    identity: { repository_id: '22' },
  })
  const tag = sortClaims(compiled, 'ci', [...Object.entries(byHand.claims), ['ref_type', 'tag']])
  const inFull = sortClaims(compiled, 'ci', [['ref', 'refs/heads/main']])
  const refOf = (job: ReturnType<typeof jobOf>) => job.kind === 'job' && job.subject.attributes['ref']
  assert.equal(refOf(jobOf(compiled, 'ci', byHand)), 'refs/heads/main')
  assert.equal(refOf(jobOf(compiled, 'ci', tag)), 'refs/tags/main')
  assert.equal(refOf(jobOf(compiled, 'ci', inFull)), 'refs/heads/main')
  const { payload } = fixtures.gitlab
  const token = jobOfToken(compiled, 'ci', {
    ...payload,
    project_id: '22',
    ref: 'main',
    ref_type: 'branch',
    pipeline_source: 'push',
  })
  assert.equal(refOf(token), 'refs/heads/main')
  const asked = { ...byHand, identity: { ...byHand.identity, event: 'push' } }
  for (const job of [jobOf(compiled, 'ci', asked), token]) {
    assert.ok(job.kind === 'job')
    assert.equal(compiled.policy.assume('build', job.subject).allow, true)
  }
})

test('a test of a job that no token describes fails, whatever it expects', () => {
  const failures = (kind: string, job: string, expect: string) =>
    failedTests(
      compile(
        policy(
          kind,
          'repository_id: "7", event: push',
          `tests:\n  - { name: x, issuer: ci, role: build, ${job}, expect: ${expect} }\n`,
        ),
      ),
    ).map(({ message }) => message)
  for (const expect of ['allow', 'deny']) {
    assert.match(
      failures('gitlab', 'identity: { ref: main }', expect).join(),
      /no such job: ref "main" can never hold/,
    )
    assert.match(failures('gitlab', 'identity: { event: pull_request }', expect).join(), /no such job/)
    assert.match(failures('github-actions', 'identity: { fork: true }', expect).join(), /say nothing of fork/)
    assert.match(
      failures('github-actions', 'claims: { repository_id: octo }', expect).join(),
      /is not a number/,
    )
  }
  assert.deepEqual(failures('gitlab', 'claims: { ref: main }', 'deny'), [])
})

test('a test of a job of another owner than the issuer lets in is a denial', () => {
  const failures = (expect: string) =>
    failedTests(
      compile(
        policy(
          'github-actions, owner_id: "5"',
          'repository_id: "7", event: push',
          `tests:\n  - { name: x, issuer: ci, role: build, identity: { repository_id: "7", event: push, owner_id: "6" }, expect: ${expect} }\n`,
        ),
      ),
    )
  assert.deepEqual(failures('deny'), [])
  assert.match(failures('allow')[0]?.message ?? '', /lets in owner_id 5 only/)
})

test('a token that the server would refuse says so, with its job if it can be read', () => {
  const compiled = compile(policy('gitlab', 'repository_id: "22", event: push'))
  const { ref_type: _, ...payload } = fixtures.gitlab.payload
  const read = jobOfToken(compiled, 'ci', payload)
  assert.ok(read.kind === 'refused')
  assert.match(read.why, /its token is refused: the token has no ref_type/)
  assert.equal(jobOfToken(compiled, 'constructor', payload).kind, 'impossible')
})
