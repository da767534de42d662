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

const published = 'npm:publish npmjs/@octo/app@1.*'
const demanding = (demand: string, grant = published) => `{ grant: "${grant}", provenance: ${demand} }`

test('provenance that a stranger could meet, or nobody, is refused when it is loaded', () => {
  const issuer = 'issuer: "https://token.actions.githubusercontent.com"'
  const refused: [string, RegExp][] = [
    ['{}', /any job could meet it/],
    ['{ tier: B }', /any job could meet it/],
    [`{ ${issuer} }`, /any job of https:\/\/token/],
    ['{ role: biuld }', /asks for provenance of role "biuld", which there is not/],
    ['{ role: deploy, ref: "*" }', /met by everything/],
    [`{ ${issuer}, repository: octo/app }`, /may change hands/],
    ['{ role: deploy, trusted_root: /etc/sigstore.json }', /any job could meet it/],
    [
      `{ same_run: true, ${issuer}, repository_id: "1", trusted_root: /etc/sigstore.json }`,
      /only a grant of a role knows a run/,
    ],
  ]
  const unread: [string, RegExp][] = [
    ['{ role: deploy, trusted_root: sigstore.json }', /mayfly\.yaml:\d+:\d+: .*absolute path/],
    ['{ role: deploy, tier: E }', /mayfly\.yaml:\d+:\d+: /],
    ['{ role: deploy, rol: deploy }', /unknown key "rol" in .*did you mean "role"/],
    ['{ role: deploy, max_age: 3w }', /a time such as 30m, 12h or 30d/],
  ]
  for (const [demand, expected] of unread)
    assert.throws(() => parsePolicy(text([demanding(demand)])), expected, demand)
  for (const [demand, expected] of refused)
    assert.match(refusalsOf(text([demanding(demand)])).join(), expected, demand)
  const read = demanding('{ role: deploy }', 'git:push github/octo/app@refs/tags/*')
  assert.match(refusalsOf(text([read])).join(), /brings nothing that the gateway knows by its digest/)
  for (const demand of [
    '{ role: deploy, same_run: true }',
    `{ ${issuer}, repository_id: "1" }`,
    `{ ${issuer}, repository_id: "1", ref: "refs/tags/*", trusted_root: /etc/sigstore.json }`,
  ])
    assert.deepEqual(refusalsOf(text([demanding(demand)])), [], demand)
})

test('what the text form would say is told in the form that is read', () => {
  const asked = '"oci:push images/octo/app requires provenance {role: deploy, same_run: true}"'
  assert.match(
    refusalsOf(text([asked])).join(),
    /written as keys: \{ grant: "oci:push images\/octo\/app", provenance: \{role: deploy, same_run: true\} \}/,
  )
})

test('explain, a denial and the difference of policies write a demand so that it can be pasted', () => {
  const demand =
    '{ role: [deploy], same_run: true, ref: "refs/tags/v*", approvals: { count: 2, group: managers, of: "oci:push images/*" }, max_age: 36000s }'
  const { policy } = compileText(text([demanding(demand)]))
  const operation = { action: 'npm:publish', connection: 'npmjs', path: '@octo/app', ref: '1.0.0' }
  const may = explain(policy, subject, { role: 'deploy', operation })
  assert.match(
    explanationLines(may).join('\n'),
    /of what has an attestation with \{ ref: "refs\/tags\/v\*", role: \[deploy\]/,
  )
  const not = explain(policy, subject, { role: 'deploy', operation: push('refs/heads/main') })
  const { roles } = parse(not.operation?.patch ?? '') as { roles: { deploy: { grants: readonly unknown[] } } }
  assert.deepEqual(roles.deploy.grants[0], {
    grant: published,
    provenance: {
      ...{ role: ['deploy'], same_run: true, ref: 'refs/tags/v*', max_age: '36000s' },
      approvals: { count: 2, group: 'managers', of: 'oci:push images/*' },
    },
  })
  const before = parsePolicy(text([demanding('{ role: deploy }')])).value
  const after = parsePolicy(text([demanding('{ role: deploy, same_run: true }')])).value
  assert.equal(diffDocuments(before, after).length, 2)
  assert.match(diffDocuments(before, after).join('\n'), /same_run/)
})
