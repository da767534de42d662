import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createMalicious } from './malicious.ts'
import { compileRules, openWorld } from '../gateway.fixture.ts'
import { registryWorld, tarballOf } from './registry.fixture.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-osv-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const report = (id: string, affected: unknown, more: object = {}) => JSON.stringify({ id, affected, ...more })
const npm = (name: string) => ({ ecosystem: 'npm', name })
const day = 86_400_000

test('a blocked package is refused by name, by version, by pattern; others pass', async (t) => {
  const { step, world } = await registryWorld(t, {
    blocked: ['pkg:npm/a@1.*', 'pkg:npm/@octo/*', 'pkg:npm/b@2.0.0'],
  })
  const { get } = await step()
  for (const name of ['a', '@octo/d']) {
    const refused = await get(name)
    assert.equal(refused.status, 403, name)
    assert.match(refused.body, /connection \\"npm\\" blocks pkg:npm\//)
  }
  assert.equal((await get('b')).status, 200)
  assert.equal(world.audit.ofType('access.denied').length, 2)
})

test('what an OSV report names as malicious is refused, with its id; a vulnerability is not', async (t) => {
  const osv = folderOf(t)
  mkdirSync(join(osv, 'npm/a'), { recursive: true })
  writeFileSync(
    join(osv, 'npm/a/MAL-1.json'),
    report('MAL-2026-1', [{ package: npm('a'), versions: ['1.0.0'] }]),
  )
  writeFileSync(
    join(osv, 'GHSA.json'),
    report('GHSA-xxxx-xxxx-xxxx', [{ package: npm('b'), versions: ['1.0.0'] }]),
  )
  const { get } = await (await registryWorld(t, { osv })).step()
  const refused = await get('a')
  assert.equal(refused.status, 403)
  assert.match(refused.body, /MAL-2026-1 reports it as malicious/)
  assert.equal((await get('b')).status, 200)
})

test('a folder of reports that is not there lets nothing pass', async (t) => {
  const { get } = await (await registryWorld(t, { osv: '/nowhere/reports' })).step()
  const refused = await get('a')
  assert.equal(refused.status, 403)
  assert.match(refused.body, /OSV reports at \/nowhere\/reports cannot be read/)
})

test('reports: other versions pass, open ranges are every version, what was withdrawn is nothing', async (t) => {
  const folder = folderOf(t)
  const reports: Record<string, string> = {
    one: report('MAL-1', [{ package: npm('some'), versions: ['1.0.0', '1.0.1'] }]),
    all: report('MAL-2', [
      {
        package: npm('all'),
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
        versions: ['1.0.0'],
      },
    ]),
    bare: report('MAL-3', [{ package: npm('__proto__') }]),
    gone: report('MAL-4', [{ package: npm('gone') }], { withdrawn: '2026-01-01T00:00:00Z' }),
    maven: report('MAL-5', [{ package: { ecosystem: 'Maven', name: 'org.x:y' }, versions: ['1'] }]),
    odd: '[]',
    odder: report('MAL-6', [null, 'x', { package: 7 }]),
  }
  for (const [name, text] of Object.entries(reports)) writeFileSync(join(folder, `${name}.json`), text)
  const malicious = createMalicious({ clock: { nowMs: () => 0 } })
  const ask = (ecosystem: string, name: string, version: string) =>
    malicious.reports(folder, ecosystem, name, version)
  assert.deepEqual(await ask('npm', 'some', '1.0.1'), ['MAL-1'])
  assert.deepEqual(await ask('npm', 'some', '1.0.2'), [])
  assert.deepEqual(await ask('npm', 'All', '7.0.0'), ['MAL-2'])
  assert.deepEqual(await ask('npm', '__proto__', '1.0.0'), ['MAL-3'])
  assert.deepEqual(await ask('npm', 'gone', '1.0.0'), [])
  assert.deepEqual(await ask('maven', 'org.x/y', '1'), ['MAL-5'])
  assert.deepEqual(await ask('pypi', 'some', '1.0.1'), [])
  assert.deepEqual(await ask('npm', 'constructor', '1.0.0'), [])
})

test('while reports cannot be read anew, what was read before counts', async (t) => {
  const folder = folderOf(t)
  let nowMs = 0
  writeFileSync(join(folder, 'one.json'), report('MAL-1', [{ package: npm('evil') }]))
  const malicious = createMalicious({ clock: { nowMs: () => nowMs } })
  assert.deepEqual(await malicious.reports(folder, 'npm', 'evil', '1.0.0'), ['MAL-1'])
  writeFileSync(join(folder, 'two.json'), '{"id": "MAL-')
  nowMs += day
  assert.deepEqual(await malicious.reports(folder, 'npm', 'evil', '1.0.0'), ['MAL-1'])
  writeFileSync(join(folder, 'two.json'), report('MAL-2', [{ package: npm('evil') }]))
  nowMs += day
  assert.deepEqual(await malicious.reports(folder, 'npm', 'evil', '1.0.0'), ['MAL-1', 'MAL-2'])
})

test('a version that is too young is refused, and one of unknown age', async (t) => {
  const opened = await registryWorld(t, { minimum_age: '3d' })
  const { get } = await opened.step()
  const at = (ageMs: number) => ({ 'last-modified': new Date(Date.now() - ageMs).toUTCString() })
  assert.match((await get('a')).body, /does not say when this one was published/)
  opened.headers = at(2 * day)
  const young = await get('a')
  assert.equal(young.status, 403)
  assert.match(young.body, /gives no version before it is 3d old/)
  opened.headers = at(4 * day)
  assert.equal((await get('a')).status, 200)
})

test('a registry does not hear of names that are not its own', async (t) => {
  const opened = await registryWorld(t, { only: ['@octo/*'] })
  const { get } = await opened.step()
  const refused = await get('a')
  assert.equal(refused.status, 403)
  assert.match(refused.body, /connection \\"npm\\" serves only @octo\/\*/)
  assert.equal((await get('@octo/d')).status, 200)
  assert.deepEqual(opened.asked(), [tarballOf('@octo/d')])
})

test('a package that may change may, and nothing is remembered of it', async (t) => {
  const { world, files, step } = await registryWorld(t, { may_change: ['pkg:npm/a'] })
  await (await step()).get('a')
  files.set('a', Buffer.from('a new snapshot'))
  assert.equal((await (await step()).get('a')).status, 200)
  assert.deepEqual(world.audit.ofType('package.changed'), [])
})

test('a name outside of only is told so, and no grant that would change nothing', async (t) => {
  const world = await openWorld(t)
  const npm = { kind: 'npm', url: 'https://npm.test', only: ['@octo/*'] }
  const { targets, policy } = compileRules({ npm }, ['npm:publish npm/@octo/web'])
  world.setTargets(targets, policy)
  const ask = (path: string) =>
    world.ask(`PUT ${path} HTTP/1.1\r\nHost: npm.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`, {
      authority: 'npm.test:443',
    })
  const outside = (await ask('/leftpad-octo')).body
  assert.match(outside, /connection \\?"npm\\?" serves only @octo\/\*/)
  assert.doesNotMatch(outside, /add to its grants/)
  assert.match((await ask('/@octo%2fother')).body, /add to its grants .*npm:publish npm\/@octo\/other/)
})
