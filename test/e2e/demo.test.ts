import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { findLeaks } from '../../demo/leaks.ts'
import { projectFolder } from '../../demo/stage.ts'

test('npm run demo -- --json: the pipeline passes, the hostile step gets nothing, every lease is revoked, the log verifies', () => {
  const ran = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'demo/demo.ts', '--json'],
    { cwd: projectFolder, encoding: 'utf8' },
  )
  assert.equal(ran.status, 0, ran.stderr)
  const report = JSON.parse(ran.stdout) as {
    steps: { name: string; role: string; exitCode: number; granted: string[]; denied: string[] }[]
    leases: { issued: number; revoked: number; active: number }
    audit: { size: number; verified: boolean }
    leaks: unknown[]
    seconds: number
  }
  assert.deepEqual(
    report.steps.map(({ name, role, exitCode }) => `${name} ${role} ${exitCode}`),
    [
      'clone build 0',
      'install build 0',
      'test build 0',
      'pack build 0',
      'release release 0',
      'hostile build 0',
    ],
  )
  const step = (name: string) => report.steps.find((one) => one.name === name)
  assert.match(step('clone')?.granted.join() ?? '', /git:read git\/octo-org\/links/)
  assert.match(step('release')?.granted.join() ?? '', /git:push git\/octo-org\/links@refs\/tags\/v1\.0\.0/)
  for (const refused of [
    'collector.example.net:443',
    '1.1.1.1:443',
    '169.254.169.254:80',
    'git:push git/octo-org/links',
    'git:read git/octo-org/payroll',
    'git:push git/attacker/loot',
    'git GET /api/v1/user',
    'evil-payload-9000',
  ]) {
    assert.ok(
      step('hostile')?.denied.some((line) => line.includes(refused)),
      refused,
    )
  }
  assert.equal(report.leases.active, 0)
  assert.ok(report.leases.issued >= 3)
  assert.equal(report.leases.issued, report.leases.revoked)
  assert.equal(report.audit.verified, true)
  assert.ok(report.audit.size > 20)
  assert.deepEqual(report.leaks, [])
})

test('the demo’s search for leaks finds one, in every form and place', () => {
  const nothing = {
    secrets: { password: 'hunter2-hunter2' },
    outputOnly: {},
    outputs: {},
    loot: '',
    seenByGit: ['ours'],
    expectedAuthorization: 'ours',
  }
  assert.deepEqual(findLeaks(nothing), [])
  const twice = Buffer.from(Buffer.from('hunter2-hunter2').toString('base64')).toString('base64')
  assert.deepEqual(findLeaks({ ...nothing, loot: 'x hunter2-hunter2 y' }), [
    { secret: 'password', where: 'loot' },
  ])
  assert.deepEqual(findLeaks({ ...nothing, outputs: { log: twice } }), [{ secret: 'password', where: 'log' }])
  assert.equal(
    findLeaks({ ...nothing, outputs: { log: 'decoy-1' }, outputOnly: { decoy: 'decoy-1' } }).length,
    1,
  )
  assert.equal(findLeaks({ ...nothing, seenByGit: ['ours', 'theirs'] }).length, 1)
})
