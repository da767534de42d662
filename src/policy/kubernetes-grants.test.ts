import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGrant } from './grant.ts'
import { refusalsOf } from './policy.fixture.ts'

const kinds = new Map([['prod', 'kubernetes']])

test('a grant that names its group and could match something is taken', () => {
  for (const grant of [
    'k8s:apply prod/apps/deployments/web/*',
    'k8s:read prod/core/*',
    'k8s:get prod/core/nodes/~/n1',
    'k8s:list prod/core/pods/*/~',
    'k8s:patch prod/apps/deployments:scale/web/app',
    'k8s:patch prod/apps/dep*s/*/app-*',
    'k8s:write prod/secrets/web/sh.helm.release.v1.app.*',
    'k8s:get prod/octo.example/secrets/web/x',
    'k8s:get prod/~/metrics',
    'k8s:logs prod/core/*',
    'k8s:logs prod/core/pods/*',
    'k8s:attach prod/core/p*/web/*',
    'k8s:proxy prod/core/services/web/http:app:80',
    'k8s:proxy prod/core/nodes/*',
    'k8s:exec prod/core/pods/web/app-*',
    'k8s:exec prod/core/pods/web/app-*@rails db:*',
    'k8s:exec prod/core/pods/web/app@sh -c a%20b ""',
    'k8s:get prod/rbac.authorization.k8s.io/clusterroles/~/system:node',
    'k8s:credential prod',
  ])
    assert.equal(
      typeof parseGrant(grant, kinds),
      'object',
      `${grant}: ${JSON.stringify(parseGrant(grant, kinds))}`,
    )
})

test('a grant that could never match, or that names no group, is refused with what to write', () => {
  const refused = (grant: string) => String(parseGrant(grant, kinds))
  for (const grant of [
    'k8s:get prod/apps/deployments/web',
    'k8s:get prod/apps/deployments/web/a/b',
    'k8s:get prod/apps/Deployments/web/a',
    'k8s:get prod/apps/deployments/We/a',
    'k8s:exec prod/core/pods/web/app@a  b',
    'k8s:exec prod/apps/deployments/web/app',
    'k8s:logs prod/core/services/*',
    'k8s:proxy prod/core/configmaps/web/*',
    'k8s:exec prod/core/pods/web/app@a "b"',
  ])
    assert.match(refused(grant), /could never match/, grant)
  for (const grant of ['k8s:read prod/*', 'k8s:get prod/*/secrets/web/x', 'k8s:get prod/co*/pods/web/x'])
    assert.match(refused(grant), /write its group out: "k8s:(?:read|get) prod\/apps\/deployments\/web\/\*"/)
  assert.match(refused('k8s:get prod/core/secrets/web/x'), /write "k8s:get prod\/secrets\/web\/x"/)
  assert.match(refused('k8s:get prod/v1/pods/web/x'), /write "k8s:get prod\/core\/pods\/web\/x"|object/)
  for (const [written, meant] of [
    ['k8s:logs prod/pods/web/*', 'k8s:logs prod/core/pods/web/*'],
    ['k8s:exec prod/pod/web/app', 'k8s:exec prod/core/pods/web/app'],
    ['k8s:get prod/pods/web/*', 'k8s:get prod/core/pods/web/*'],
    ['k8s:apply prod/deployments/web/*', 'k8s:apply prod/apps/deployments/web/*'],
    ['k8s:apply prod/apps/v1/deployments/web/*', 'k8s:apply prod/apps/deployments/web/*'],
    ['k8s:apply prod/apps/v1/deployments/*', 'k8s:apply prod/apps/deployments/*'],
    ['k8s:apply prod/core/configmap/web/*', 'k8s:apply prod/core/configmaps/web/*'],
    ['k8s:apply prod/apps/Deployment/web/*', 'k8s:apply prod/apps/deployments/web/*'],
    [
      'k8s:read prod/networking.k8s.io/networkpolicy/web/*',
      'k8s:read prod/networking.k8s.io/networkpolicies/web/*',
    ],
    ['k8s:read prod/networking.k8s.io/ingress/web/*', 'k8s:read prod/networking.k8s.io/ingresses/web/*'],
    ['k8s:get prod/secret/web/db', 'k8s:get prod/secrets/web/db'],
  ] as const)
    assert.ok(refused(written).includes(`write "${meant}"`), refused(written))
  assert.match(refused('k8s:get prod'), /say which object/)
  assert.match(refused('k8s:get prod/apps/deployments/web/x@y'), /cannot be limited/)
})

const trust = '{ issuer: github, repository_id: "1", event: push }'
const cluster = (grant: string, limits: string) => `issuers:
  github: { kind: github-actions, owner_id: "1" }
connections:
  prod: { kind: kubernetes, url: https://cluster.example }
roles:
  deploy: { trust: ${trust}, grants: ["${grant}"] }
limits: { require_approval: [${JSON.stringify(limits)}] }
`

test('a limit may be for all groups, and is held against grants that it meets', () => {
  for (const limit of [
    'k8s:delete prod/*',
    'k8s:* prod/*/kube-system/*',
    'k8s:get prod/secrets/*',
    'k8s:exec prod/*',
    'k8s:exec *',
    '* *',
  ])
    assert.deepEqual(
      refusalsOf(cluster('k8s:get prod/core/pods/web/*', limit)).filter((one) =>
        /could never|nothing/.test(one),
      ),
      [],
      limit,
    )
  assert.match(
    refusalsOf(cluster('k8s:get prod/core/pods/web/x', 'k8s:get prod/core/pods/web')).join(),
    /could never match/,
  )
})
