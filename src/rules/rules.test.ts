import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../lib/index.ts'
import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import { writeBundle } from '../config/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { createRules } from './rules.ts'

const policyWith = (trust: string) => `issuers:
  ci: { kind: github-actions }
connections:
  git: { kind: git, url: https://git.example.com }
roles:
  release:
    trust: ${trust}
    grants: [ "git:push git/octo-org/links@refs/tags/v*" ]
`
const good = policyWith('{ issuer: ci, repository_id: "1", event: push, ref_protected: true }')
/** Accepted before it was known what pull_request_target may do. */
const outdated = policyWith('{ issuer: ci, repository_id: "1" }')
const forbid = 'forbid(principal, action, resource) when { resource.path == "octo-org/links" };\n'

function world(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-rules-'))
  const store = openStore(join(folder, 'mayfly.db'))
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  const events: AuditEvent[] = []
  const audit = { append: async (event: AuditEvent) => void events.push(event) } as unknown as AuditClient
  const open = () =>
    createRules({ store, audit, clock: systemClock, fetch, audience: () => 'https://mayfly.test' })
  return { store, events, open }
}

function keep(store: Store, text: string): Promise<unknown> {
  return store.write((tx) =>
    tx.insertInto('policies').values({ text, applied_by: 'x', applied_ms: 0 }).execute(),
  )
}

const request = (text: string) => ({ text, file: 'mayfly.yaml', by: 'ops', dryRun: false })

test('a stored policy that is refused now grants nothing, says why, and can be replaced', async (t) => {
  const { store, open } = world(t)
  await keep(store, outdated)
  const rules = await open()
  assert.equal(rules.loaded, false)
  assert.throws(() => rules.current(), /version 1 of the policy is refused .* a stranger could assume it/)
  await assert.rejects(rules.apply({ ...request(good), expectedVersion: 0 }), { code: 'conflict' })
  const applied = await rules.apply({ ...request(good), expectedVersion: 1 })
  assert.equal(applied.version, 2)
  assert.equal((await open()).current().version, 2)
})

test('a policy that was stored before there were bundles is read as it is', async (t) => {
  const { store, open } = world(t)
  await keep(store, good)
  assert.deepEqual([...(await open()).current().policy.roles.keys()], ['release'])
})

test('a bundle is in force again after a restart, its forbids included', async (t) => {
  const { open, events } = world(t)
  const text = writeBundle({ policy: good, files: { 'policies/freeze.cedar': forbid } })
  const applied = await (await open()).apply(request(text))
  assert.ok(applied.diff.some((line) => line.startsWith('+ policies/freeze.cedar: forbid')))
  assert.equal(events.length, 1)
  const { policy } = (await open()).current()
  const operation = { action: 'git:push', connection: 'git', path: 'octo-org/links', ref: 'refs/tags/v1' }
  assert.equal(policy.decide('release', operation, { issuer: 'ci', attributes: {} }).allow, false)
})

test('what fails its own tests is not recorded and not in force', async (t) => {
  const { open, events } = world(t)
  const rules = await open()
  const test = '{ name: x, issuer: ci, role: release, identity: { repository_id: "2" }, expect: allow }'
  await assert.rejects(
    rules.apply(request(`${good}tests:\n  - ${test}\n`)),
    /test "x": role "release" is denied/,
  )
  assert.equal(rules.loaded, false)
  assert.deepEqual(events, [])
})
