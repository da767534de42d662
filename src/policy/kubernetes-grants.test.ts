import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGrant } from './grant.ts'

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
    'k8s:read prod/*',
    'k8s:get prod/*/secrets/web/x',
    'k8s:get prod/apps/deployments/web',
    'k8s:get prod/apps/deployments/web/a/b',
    'k8s:get prod/apps/Deployments/web/a',
    'k8s:get prod/apps/deployments/We/a',
    'k8s:exec prod/core/pods/web/app@a  b',
    'k8s:exec prod/core/pods/web/app@a "b"',
  ])
    assert.match(refused(grant), /could never match/, grant)
  assert.match(refused('k8s:get prod/core/secrets/web/x'), /write "k8s:get prod\/secrets\/web\/x"/)
  assert.match(refused('k8s:get prod/v1/pods/web/x'), /write "k8s:get prod\/core\/pods\/web\/x"|object/)
  assert.match(refused('k8s:get prod'), /say which object/)
  assert.match(refused('k8s:get prod/apps/deployments/web/x@y'), /cannot be limited/)
})
