import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse, parseDocument, stringify } from 'yaml'
import { formatProblem, writeBundle } from '../config/index.ts'
import { compileDocument, failedTests, type CompiledDocument } from './compile-document.ts'

const base = `issuers:
  ci: { kind: github-actions }
  lab: { kind: gitlab }
connections:
  git: { kind: git, url: https://git.example.com }
roles:
  release:
    trust: { issuer: ci, repository_id: "1", event: push, ref: refs/tags/v* }
    grants: [ "git:push git/octo-org/links@refs/tags/v*" ]
  lab:
    trust: { issuer: lab, repository_id: "2", ref: refs/heads/main }
    grants: [ git:read git/octo-org/links ]
`

function compiled(text: string): CompiledDocument {
  const result = compileDocument(text, 'mayfly.yaml')
  assert.ok(result.ok, result.ok ? '' : result.problems.map(formatProblem).join('\n'))
  return result.compiled
}

const failures = (tests: string) => failedTests(compiled(`${base}tests:\n${tests}`)).map(formatProblem)
const release = 'issuer: ci, role: release'
const trusted = 'identity: { repository_id: "1", event: push, ref: refs/tags/v1 }'
const claimed = 'claims: { repository_id: "1", event_name: push, ref: refs/tags/v1 }'

test('tests that hold: in our words, in the CI’s own, and by operation', () => {
  assert.deepEqual(
    failures(`  - { name: a, ${release}, ${trusted}, expect: allow }
  - { name: b, ${release}, ${claimed}, expect: allow, operations: [ { operation: "git:push git/octo-org/links@refs/tags/v1", expect: allow }, { operation: "git:push git/octo-org/links@refs/heads/main", expect: deny } ] }
  - { name: c, ${release}, identity: { repository_id: "2" }, expect: deny }
  - { name: d, issuer: lab, role: lab, claims: { project_id: "2", ref: main, ref_type: branch }, expect: allow }
  - { name: e, issuer: lab, role: lab, claims: { project_id: "2", ref: main, ref_type: tag }, expect: deny }
`),
    [],
  )
})

const failing: readonly (readonly [what: string, test: string, says: RegExp])[] = [
  [
    'a denial where allow was expected',
    `${release}, identity: { repository_id: "2", event: push, ref: refs/tags/v1 }, expect: allow`,
    /role "release" is denied, expected allow: repository_id: expected 1, got 2/,
  ],
  [
    'an allow where deny was expected',
    `${release}, ${trusted}, expect: deny`,
    /role "release" is allowed, expected deny/,
  ],
  [
    'a role that is not there',
    `issuer: ci, role: relase, ${trusted}, expect: deny`,
    /there is no role "relase"/,
  ],
  [
    'an issuer that is not there',
    `issuer: nowhere, role: release, ${trusted}, expect: deny`,
    /there is no issuer "nowhere"/,
  ],
  [
    'an operation that is denied',
    `${release}, ${trusted}, expect: allow, operations: [ { operation: "git:push git/octo-org/links@refs/heads/x", expect: allow } ]`,
    /refs\/heads\/x is denied, expected allow: no grant; it would take/,
  ],
  [
    'an operation that is allowed',
    `${release}, ${trusted}, expect: allow, operations: [ { operation: "git:push git/octo-org/links@refs/tags/v1", expect: deny } ]`,
    /refs\/tags\/v1 is allowed by "git:push git\/octo-org\/links@refs\/tags\/v\*", expected deny/,
  ],
  [
    'an operation with a pattern',
    `${release}, ${trusted}, expect: allow, operations: [ { operation: "git:push git/octo-org/*@refs/tags/v1", expect: allow } ]`,
    /name one resource, without \*/,
  ],
]
for (const [what, text, says] of failing) {
  test(`a test fails: ${what}`, () => {
    const [problem = 'passed'] = failures(`  - { name: x, ${text} }\n`)
    assert.match(problem, says)
    assert.match(problem, /^mayfly\.yaml:14:5: test "x": /)
  })
}

test('a misspelt attribute in a test is an error, not a job without it', () => {
  const result = compileDocument(
    `${base}tests:\n  - { name: x, ${release}, identity: { repositry_id: "1" }, expect: deny }\n`,
    'mayfly.yaml',
  )
  assert.ok(!result.ok)
  assert.match(
    result.problems.map(formatProblem).join(),
    /unknown key "repositry_id".*did you mean "repository_id"/,
  )
})

test('tests in policies/ have their own places', () => {
  const text = `tests:\n  - { name: x, ${release}, ${trusted}, expect: deny }\n`
  const bundle = writeBundle({ policy: base, files: { 'policies/a.test.yaml': text } })
  assert.match(
    failedTests(compiled(bundle)).map(formatProblem).join(),
    /^policies\/a\.test\.yaml:2:5: test "x"/,
  )
})

const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAA=\n-----END PGP PUBLIC KEY BLOCK-----\n'

test('docs/policy.md: every example in it is a policy that compiles, and its tests pass', () => {
  const docs = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
  const blocks = (language: string) =>
    [...docs.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text)
  const examples = blocks('yaml')
  const ofRegistries = examples.filter((text) => text.startsWith('connections:'))
  const ofGrants = examples.filter((text) => text.startsWith('grants:'))
  const [trust = '', egress = '', limits = '', tests = '', ...more] = examples.filter(
    (text) => !ofRegistries.includes(text) && !ofGrants.includes(text),
  )
  assert.deepEqual(more, [])
  assert.ok(ofRegistries.length > 0 && ofGrants.length > 0)
  const places = {
    deploys: { kind: 'http', url: 'https://deploys.example.com' },
    orders: { kind: 'postgres', url: 'postgres://db.example.com' },
    github: { kind: 'git', url: 'https://github.com' },
    images: { kind: 'oci', url: 'https://registry.example.com' },
  }
  for (const text of ofGrants)
    compiled(
      stringify({
        issuers: { ci: { kind: 'github-actions' } },
        connections: Object.fromEntries(
          Object.entries(places).filter(([name]) => text.includes(` ${name}/`)),
        ),
        sign_in: { issuer: 'https://login.example.com', client_id: 'mayfly', permissions: {} },
        people: { anna: { logins: ['email:anna@example.com'], ci: ['ci:1'] } },
        groups: { 'release-managers': { people: ['anna'] }, dba: { people: ['anna'] } },
        roles: {
          release: {
            trust: { issuer: 'ci', repository_id: '1296269', event: 'push', ref_protected: true },
            ...(parse(text) as object),
          },
        },
      }),
    )
  for (const text of ofRegistries) {
    // They leave out who may assume their roles.
    // A key is read from its file before the document is compiled.
    const document = parseDocument(
      text.replaceAll(/keyring: \S+\.gpg/g, () => `keyring: ${JSON.stringify(key)}`),
    )
    document.set('issuers', { ci: { kind: 'github-actions' } })
    for (const role of Object.keys((document.toJS() as { roles: object }).roles))
      document.setIn(['roles', role, 'trust'], {
        ...{ issuer: 'ci', repository_id: '1296269', event: 'push', ref_protected: true },
      })
    compiled(document.toString())
  }
  const head = `issuers:\n  ci: { kind: github-actions }\nconnections:\n  git: { kind: git, url: https://git.example.com }\n`
  const main = `roles:\n  release:\n    trust: { issuer: ci, repository_id: "1296269", event: push, ref_protected: true }\n    grants: [ "git:push git/octo-org/links@refs/tags/v*" ]\n`
  const files = Object.fromEntries(blocks('cedar').map((text, i) => [`policies/${i}.cedar`, text]))
  compiled(writeBundle({ policy: head + trust, files }))
  compiled(head + egress)
  assert.deepEqual(failedTests(compiled(head + main + tests)), [])
  assert.ok(tests.includes('tests:'))
  // The limits are stricter than the role: they are read, and refuse it.
  const limited = compileDocument(head + main + limits, 'mayfly.yaml')
  assert.ok(!limited.ok)
  assert.match(limited.problems.map(formatProblem).join(), /needs a role with approval/)
  assert.equal(limited.problems.length, 1)
})
