import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { explain, explanationLines, type TrustSubject } from './index.ts'
import { grantPatch } from './explain.ts'
import { compileText, policyText } from './policy.fixture.ts'

const { policy } = compileText(
  policyText({
    build: { trust: '{ issuer: github, repository_id: "1", event: push }' },
    release: {
      trust: '{ issuer: github, repository_id: "1", event: push, ref: "refs/tags/v*" }',
      grants: ['git:push github/octo/app@refs/tags/v*'],
    },
    far: { trust: '{ issuer: gitlab, repository_id: "1" }' },
  }),
  {
    'policies/freeze.cedar': 'forbid(principal, action, resource) when { resource.ref == "refs/tags/v0" };',
  },
)
const main: TrustSubject = {
  issuer: 'github',
  attributes: { repository_id: '1', event: 'push', ref: 'refs/heads/main' },
  claims: {},
}
const tagged = { ...main, attributes: { ...main.attributes, ref: 'refs/tags/v1' } }
const pushTo = (ref: string) => ({ action: 'git:push', connection: 'github', path: 'octo/app', ref })

test('claim by claim, expected against got; and the role that would have matched', () => {
  const explanation = explain(policy, main, { role: 'release' })
  assert.deepEqual(
    explanation.role?.conditions.map(({ claim, holds }) => [claim, holds]),
    [
      ['issuer', true],
      ['repository_id', true],
      ['ref', false],
      ['event', true],
    ],
  )
  assert.equal(explanation.nearest?.role, 'build')
  assert.equal(explanation.nearest?.allow, true)
  assert.match(
    explanationLines(explanation).join('\n'),
    /NO {2}ref +expected refs\/tags\/v\*, got refs\/heads\/main/,
  )
})

test('nearest is the role with the fewest conditions that fail, not one of another issuer', () => {
  const other = { ...main, attributes: { ...main.attributes, repository_id: '2' } }
  assert.equal(explain(policy, other, { role: 'release' }).nearest?.role, 'build')
  assert.equal(explain(policy, other, { role: 'build' }).nearest?.role, 'release')
})

test('an unknown role, and what was meant', () => {
  assert.deepEqual(explain(policy, main, { role: 'relaese' }).unknownRole, {
    role: 'relaese',
    known: ['build', 'release', 'far', 'rest'],
    meant: 'release',
  })
})

test('an operation: by which grant, or a patch that allows it', () => {
  const granted = explain(policy, tagged, { role: 'release', operation: pushTo('refs/tags/v1') })
  assert.equal(granted.operation?.grant, 'git:push github/octo/app@refs/tags/v*')
  const denied = explain(policy, tagged, { role: 'release', operation: pushTo('refs/heads/main') })
  assert.equal(denied.operation?.allow, false)
  assert.deepEqual(parse(denied.operation?.patch ?? ''), {
    roles: {
      release: {
        grants: ['git:push github/octo/app@refs/tags/v*', 'git:push github/octo/app@refs/heads/main'],
      },
    },
  })
})

test('an operation that is forbidden: where, and no patch, for no grant would help', () => {
  const { operation } = explain(policy, tagged, { role: 'release', operation: pushTo('refs/tags/v0') })
  assert.equal(operation?.forbiddenBy, 'policies/freeze.cedar:1')
  assert.equal(operation?.patch, undefined)
})

test('without a role: the one that trusts the job and may do it', () => {
  assert.equal(explain(policy, tagged, { operation: pushTo('refs/tags/v1') }).role?.role, 'release')
  assert.equal(explain(policy, main, {}).role?.role, 'build')
})

test('property: a patch is YAML that holds what the role held and what was missing', () => {
  const path = fc.stringMatching(/^[A-Za-z0-9._~@+/-]{1,12}$/)
  fc.assert(
    fc.property(fc.array(path, { maxLength: 4 }), path, (held, missing) => {
      const grants = held.map((one) => `git:read github/${one}`)
      const added = `git:push github/${missing}@refs/heads/${missing}`
      assert.deepEqual(parse(grantPatch('build', grants, added)), {
        roles: { build: { grants: [...grants, added] } },
      })
    }),
  )
})

test('an operation that cannot be written as a grant has no patch', () => {
  const { operation } = explain(policy, tagged, { role: 'release', operation: pushTo('refs/heads/a\nb: c') })
  assert.equal(operation?.allow, false)
  assert.equal(operation?.patch, undefined)
})

test('before a ref is named, the question is whether there is any that may be pushed', () => {
  const { ref: _, ...unnamed } = pushTo('refs/tags/v1')
  assert.equal(explain(policy, tagged, { role: 'release', operation: unnamed }).operation?.allow, true)
})
