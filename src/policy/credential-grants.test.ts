import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentialAction, kindNames } from '../kinds/index.ts'
import { grantFor, isGrantText, parseGrant, parseOperation, unnamedOperation } from './grant.ts'
import { compileText, policyText, refusalsOf } from './policy.fixture.ts'

const trust = '{ issuer: github, repository_id: "1", event: push }'
const minted = 'credential: { postgres-role: { admin: secret:orders } }'

/** A policy whose role `build` has these grants on a connection `orders` with these further keys. */
function withOrders(keys: string, grants: readonly string[], role = '', more = ''): string {
  const orders = `  orders: { kind: tcp, url: tcp://db.internal:5432${keys === '' ? '' : `, ${keys}`} }\nroles:\n`
  return policyText({ build: { trust, grants, more: role } }, more).replace('roles:\n', orders)
}

const subject = { issuer: 'github', attributes: {}, claims: {} }
const handOut = { action: 'tcp:credential', connection: 'orders', path: '' }

test('each kind has an action that hands out what is made for a step: for the connection as a whole, and a write', () => {
  for (const kind of kindNames) {
    const action = credentialAction(kind)
    assert.ok(action !== undefined, kind)
    const operation = { action, connection: 'x', path: '' }
    assert.equal(unnamedOperation(operation), undefined)
    assert.equal(grantFor(operation), `${action} x`)
    assert.ok(isGrantText(`${action} x`))
    assert.deepEqual(parseOperation(`${action} x`, new Map([['x', kind]])), operation)
    assert.match(
      String(parseGrant(`${action} x/octo/app`, new Map([['x', kind]]))),
      /is for the connection as a whole: write ".* x"$/,
    )
    assert.match(unnamedOperation({ ...operation, path: 'octo/app' }) ?? '', /names nothing but/)
  }
})

test('the grant allows it, and makes the role one that writes; any other grant of the connection does not', () => {
  const keys = `${minted}, deliver: { env: { PGUSER: "{username}" } }`
  const { policy } = compileText(withOrders(keys, ['tcp:credential orders']))
  assert.deepEqual(policy.decide('build', handOut, subject), { allow: true, grant: 'tcp:credential orders' })
  assert.equal(policy.roles.get('build')?.writes, true)
  const other = compileText(withOrders(keys, ['tcp:connect orders'])).policy.decide('build', handOut, subject)
  assert.equal(!other.allow && other.missing, 'tcp:credential orders')
})

test('shadow mode hands out nothing that no grant allows', () => {
  const keys = `${minted}, deliver: { env: { PGUSER: "{username}" } }`
  const text = withOrders(keys, ['tcp:connect orders'], 'mode: shadow')
  assert.equal(compileText(text).policy.decide('build', handOut, subject).allow, false)
})

test('the grant is refused when loaded where nothing is made, where a credential is kept, and where nothing is handed out', () => {
  const refused = (keys: string) => refusalsOf(withOrders(keys, ['tcp:credential orders']))
  assert.match(refused('').join(), /connection "orders" has none: only one that is made for the step/)
  assert.match(refused(minted).join(), /hands nothing out: say in connections\.orders\.deliver/)
  const kept = policyText({ build: { trust, grants: ['npm:credential npmjs'] } }).replace(
    'url: https://registry.example.com',
    'url: https://registry.example.com, credential: { bearer: secret:npm }',
  )
  assert.match(refusalsOf(kept).join(), /would hand out the kept bearer credential of connection "npmjs"/)
})

test('a limit or a forbid that names something of the connection would never match, and is refused', () => {
  const keys = `${minted}, deliver: { env: { PGUSER: "{username}" } }`
  const limit = 'limits: { forbidden_grants: ["git:credential github/octo/app"] }\n'
  assert.match(
    refusalsOf(withOrders(keys, ['tcp:credential orders'], '', limit)).join(),
    /is for a connection as a whole: write "git:credential github"/,
  )
  const forbid =
    'forbid (principal, action == Mayfly::Action::"git:credential", resource) when { resource.path == "octo/app" };'
  assert.match(
    refusalsOf(policyText({ build: { trust } }), { 'x.cedar': forbid }).join(),
    /resource\.path is never "octo\/app".*for a connection as a whole/,
  )
})

test('a forbid and a limit take it away', () => {
  const keys = `${minted}, deliver: { env: { PGUSER: "{username}" } }`
  const forbid = 'forbid (principal, action == Mayfly::Action::"tcp:credential", resource);'
  const { policy } = compileText(withOrders(keys, ['tcp:credential orders']), { 'x.cedar': forbid })
  const decision = policy.decide('build', handOut, subject)
  assert.ok(!decision.allow && decision.forbiddenBy !== undefined)
  const limit = 'limits: { forbidden_grants: ["*:credential *"] }\n'
  assert.match(refusalsOf(withOrders(keys, ['tcp:credential orders'], '', limit)).join(), /forbid/)
})

test('grants for which no credential can be made are refused when loaded: tokens that take names, and a helper’s token that no tool can use', () => {
  const refused = (kind: string, credential: string, grants: readonly string[], more = '') => {
    const images = `  images: { kind: ${kind}, url: "https://images.example.com", credential: ${credential}${more} }\nroles:\n`
    const text = policyText({ build: { trust, grants } }).replace('roles:\n', images)
    return refusalsOf(text).join()
  }
  const registry = '{ registry-token: { key: secret:key, issuer: mayfly, service: images } }'
  assert.equal(refused('oci', registry, ['oci:push images/octo/app@v*', 'oci:catalog images']), '')
  assert.match(
    refused('oci', registry, ['oci:pull images/octo/app', 'oci:push images/octo/*']),
    /role "build": no credential of connection "images" can be made: a grant has a \* .*write the repositories out/,
  )
  const handOut = ['oci:pull images/octo/app', 'oci:credential images']
  assert.match(refused('oci', registry, handOut, ', deliver: {}'), /hands out what no helper's tool can use/)
  const file = ', deliver: { files: { auth.json: "{token}" } }'
  assert.equal(refused('oci', registry, handOut, file), '')
  const app = '{ github-app: { app_id: 1, key: secret:key } }'
  assert.equal(refused('git', app, ['git:read images/octo/app', 'git:read images/octo/lib']), '')
  assert.match(refused('git', app, ['git:read images/octo/*']), /GitHub takes names/)
  assert.match(
    refused('git', app, ['git:read images/octo/app', 'git:read images/acme/app']),
    /of octo and of acme/,
  )
  const wide = '{ github-app: { app_id: 1, key: secret:key, all_repositories: true } }'
  assert.equal(refused('git', wide, ['git:read images/octo/*']), '')
})

test('a grant to forward is refused when loaded where the certificate does not permit it', () => {
  const refused = (extensions: string, grant: string) => {
    const web = `  web: { kind: ssh, url: "ssh://web.example.com", host_keys: ["ssh-ed25519 AAAA"], credential: { ssh-certificate: { ca: secret:ca, principals: [deploy]${extensions} } } }\nroles:\n`
    return refusalsOf(policyText({ build: { trust, grants: [grant] } }).replace('roles:\n', web)).join()
  }
  const forward = 'ssh:forward web/deploy/127.0.0.1:80'
  assert.equal(refused('', forward), '')
  assert.equal(refused(', extensions: [permit-port-forwarding]', forward), '')
  assert.equal(refused(', extensions: [permit-pty]', 'ssh:shell web/deploy'), '')
  assert.match(refused(', extensions: [permit-pty]', forward), /needs permit-port-forwarding: add it to/)
})
