import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { code } from '../broker/broker.fixture.ts'
import { compileDocument } from '../rules/index.ts'
import { serverSubject, subjectOf } from './subject.ts'

const facts = { repository_id: '5', repository: 'octo/app', ref: 'refs/heads/main', environment: undefined }

test('a subject: the role by default, or what its template says', () => {
  assert.equal(subjectOf('build', undefined, facts), 'role:build')
  assert.equal(subjectOf('build', 'repo:{repository_id}:role:{role}', facts), 'repo:5:role:build')
  assert.equal(subjectOf('build', 'repo:{repository}:{ref}', facts), 'repo:octo/app:refs/heads/main')
  assert.equal(serverSubject('secret-store/bao'), 'server:secret-store/bao')
})

test('what a job says stays within its part: no colon, wildcard, percent, space or line of it is taken as written', () => {
  const evil = 'x:role:admin*?%3A${aws:userid}\n\0 é'
  assert.equal(
    subjectOf('build', 'ref:{ref}:{role}', { ref: evil }),
    'ref:x%3Arole%3Aadmin%2A%3F%253A%24%7Baws%3Auserid%7D%0A%00%20%C3%A9:build',
  )
})

test('property: two jobs have one subject only if what the template names is the same', () => {
  const value = fc.string({
    unit: fc.constantFrom('a', '/', ':', '%', '3', 'A', '*', 'é', '-'),
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(value, value, value, value, (a, b, c, d) => {
      const template = 'repo:{repository}:on-{ref}:{role}'
      const one = subjectOf('r', template, { repository: a, ref: b })
      const other = subjectOf('r', template, { repository: c, ref: d })
      assert.equal(one === other, a === c && b === d)
    }),
  )
})

test('refused: a claim that the job does not have, or a subject that is too long', () => {
  for (const environment of [undefined, ''])
    assert.throws(
      () => subjectOf('build', 'env:{environment}', { environment }),
      code('credential_failed', /names \{environment\}, which this job/),
    )
  assert.throws(
    () => subjectOf('build', 'ref:{ref}', { ref: 'é'.repeat(60) }),
    code('credential_failed', /longer than 255/),
  )
})

const policy = (roles: Record<string, string | undefined>) => `
issuers: { github: { kind: github-actions, owner_id: "1" } }
connections: { git: { kind: git, url: https://git.example.com } }
roles:
${Object.entries(roles)
  .map(
    ([name, subject]) => `  ${name}:
    trust: { issuer: github, repository_id: "1" }
    grants: [git:read git/octo/app]
${subject === undefined ? '' : `    identity: { subject: "${subject}" }`}`,
  )
  .join('\n')}`

function problemsOf(roles: Record<string, string | undefined>): string[] {
  const result = compileDocument(policy(roles), 'mayfly.yaml')
  return result.ok ? [] : result.problems.map(({ message }) => message)
}

const together: readonly (readonly [string, Record<string, string | undefined>])[] = [
  ['names beside the default', { build: 'repo:{repository_id}', admin: undefined }],
  ['the role in each', { build: 'repo:{repository_id}:{role}', release: 'repo:{repository_id}:{role}' }],
  ['parts of another number', { build: 'repo:{repository_id}', release: 'repo:{repository_id}:release' }],
  ['a plain part of its own', { build: 'a:{ref}', release: 'b:{ref}' }],
]
for (const [what, roles] of together)
  test(`subjects of two roles: ${what}`, () => assert.deepEqual(problemsOf(roles), []))

const apart: readonly (readonly [string, Record<string, string | undefined>, RegExp])[] = [
  [
    'a branch that is called as another role',
    { build: 'role:{ref}', admin: undefined },
    /role "build": .*of role "admin"/,
  ],
  ['the same by its own name', { build: 'role:admin', admin: undefined }, /of role "admin"/],
  [
    'the same template',
    { build: 'repo:{repository_id}', release: 'repo:{repository_id}' },
    /role "release": .*of role "build"/,
  ],
  [
    'a template within another',
    { build: 'repo:{repository}', release: 'repo:octo/{ref}' },
    /of role "build"/,
  ],
  ['that of the server', { build: 'server:{ref}' }, /Mayfly itself/],
  ['two claims side by side', { build: 'repo:{repository}{ref}' }, /one \{claim\} in each part/],
  ['two claims with a slash between', { build: 'repo:{repository}/{ref}' }, /one \{claim\} in each part/],
  ['a first part that is a claim', { build: '{ref}:x' }, /parts between/],
  ['a wildcard', { build: 'repo:*' }, /parts between/],
  ['a claim that is not on the list', { build: 'repo:{actor}' }, /parts between/],
]
for (const [what, roles, message] of apart)
  test(`refused when it is loaded: ${what}`, () => {
    const problems = problemsOf(roles)
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', message)
  })
