import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { diffDocuments } from '../rules/policy-diff.ts'
import { explain, explanationLines } from './index.ts'
import { compileText, parsePolicy, policyText, refusalsOf } from './policy.fixture.ts'

const trust = '{ issuer: github, repository_id: "1", event: push }'
const asking = '{ grant: "git:push github/octo/*@refs/tags/*", approval: always, approvers: managers }'
const text = (grants: readonly string[]) => {
  const role = policyText({ deploy: { trust, grants: ['GRANTS'] } })
  return role.replace('["GRANTS"]', `[${grants.join(', ')}]`)
}
const subject = { issuer: 'github', attributes: { repository_id: '1', event: 'push' }, claims: {} }
const push = (ref: string) => ({ action: 'git:push', connection: 'github', path: 'octo/app', ref })

test('of the grants that allow an operation the one that asks for least is used', () => {
  const { policy } = compileText(text([asking, 'git:push github/octo/app@refs/tags/dev-*']))
  const [asked, free] = ['refs/tags/v1', 'refs/tags/dev-1'].map((ref) =>
    policy.decide('deploy', push(ref), subject),
  )
  assert.deepEqual(asked, {
    allow: true,
    grant: 'git:push github/octo/*@refs/tags/*',
    conditions: { approval: { mode: 'always', approvers: 'managers', timeoutSeconds: 600 } },
  })
  assert.deepEqual(free, { allow: true, grant: 'git:push github/octo/app@refs/tags/dev-*' })
})

test('explain says that people are asked, and what it writes of held grants can be pasted', () => {
  const { policy } = compileText(text([asking]))
  const may = explain(policy, subject, { role: 'deploy', operation: push('refs/tags/v1') })
  assert.match(explanationLines(may).join('\n'), /once one of managers has said yes, each time/)
  const not = explain(policy, subject, { role: 'deploy', operation: push('refs/heads/main') })
  const { roles } = parse(not.operation?.patch ?? '') as {
    roles: { deploy: { grants: readonly unknown[] } }
  }
  assert.deepEqual(roles.deploy.grants, [
    { grant: 'git:push github/octo/*@refs/tags/*', approval: 'always', approvers: 'managers' },
    'git:push github/octo/app@refs/heads/main',
  ])
})

test('the difference of two policies has a grant and what it asks for in one line', () => {
  const before = parsePolicy(text([asking])).value
  const after = parsePolicy(text([asking.replace('always', 'first')])).value
  assert.deepEqual(diffDocuments(before, after), [
    '- roles.deploy.grants: git:push github/octo/*@refs/tags/* (approval: always, approvers: managers)',
    '+ roles.deploy.grants: git:push github/octo/*@refs/tags/* (approval: first, approvers: managers)',
  ])
})

test('a grant with approval satisfies limits.require_approval', () => {
  const limits = 'limits: { require_approval: ["git:push *"] }\n'
  assert.match(
    refusalsOf(text(['git:push github/octo/app@refs/tags/*']) + limits).join(),
    /needs a role with/,
  )
  assert.deepEqual(refusalsOf(text([asking]) + limits), [])
})

test('what no handler could tell is refused when it is loaded; a stricter grant stands in for one whose demand is not met', () => {
  const read = '{ grant: git:read github/octo/app, commit: own }'
  assert.match(refusalsOf(text([read])).join(), /git:read brings no commit/)
  const own = asking.replace('approval: always, approvers: managers', 'commit: own')
  const { policy } = compileText(text([asking, own]))
  const decision = policy.decide('deploy', push('refs/tags/v1'), subject)
  assert.ok(decision.allow)
  assert.deepEqual(decision.conditions, { commit: 'own' })
  assert.equal(decision.others?.[0]?.conditions?.approval?.mode, 'always')
})
