import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { roleOf } from '../../role-facts.fixture.ts'
import { temporaryFolder } from '../sandbox.fixture.ts'
import { makeGroupFolder, sweepGroups } from './group-files.ts'
import { makeGroupV1 } from './group-v1.ts'
import { groupIn, makeGroupV2 } from './group-v2.ts'
import { holdStep } from './hold.ts'
import { limitsOf } from './limits.ts'
import { ownName } from '../own-name.ts'
import { findPlaces } from './places.ts'

const limits = limitsOf({ ...roleOf('build').limits, memory_bytes: 2 ** 26, processes: 64, cpus: 1.5 })

const textIn = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')
const groupsIn = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('mayfly-'))
const ended = (child: ChildProcess) => new Promise((done) => child.once('exit', done))

/** A FAKE folder of version 2, of plain files: what is written can be read, and no kernel acts on it. */
function fakeV2(t: TestContext, given: string): string {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'cgroup.controllers'), 'cpuset cpu io memory pids\n')
  writeFileSync(join(folder, 'cgroup.subtree_control'), given)
  writeFileSync(join(folder, 'cgroup.procs'), '')
  return folder
}

test('version 2 (a fake folder): the limits are written, and what the kernel counts is read', (t) => {
  const parent = fakeV2(t, 'cpu memory pids\n')
  const group = makeGroupV2([parent], limits)
  const folder = join(parent, groupsIn(parent)[0] ?? '')
  assert.equal(group?.by, 'cgroup2')
  assert.equal(textIn(folder, 'memory.max'), String(2 ** 26))
  assert.equal(textIn(folder, 'memory.oom.group'), '1')
  assert.equal(textIn(folder, 'pids.max'), '64')
  assert.equal(textIn(folder, 'cpu.max'), '150000 100000')
  assert.equal(group?.passed(), undefined)
  writeFileSync(join(folder, 'pids.events'), 'max 3\n')
  assert.equal(group?.passed(), 'processes')
  writeFileSync(join(folder, 'memory.events'), 'low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 1\n')
  assert.equal(group?.passed(), 'memory')
})

test('version 2 (a fake folder): controllers that are not given are asked for, else the folder above is taken', (t) => {
  const asked = fakeV2(t, '')
  assert.ok(makeGroupV2([asked], limits))
  assert.equal(textIn(asked, 'cgroup.subtree_control'), '+memory +pids +cpu')
  const [without, above] = [fakeV2(t, ''), fakeV2(t, 'cpu memory pids')]
  writeFileSync(join(without, 'cgroup.controllers'), 'hugetlb\n')
  assert.ok(makeGroupV2([without, above], limits))
  assert.deepEqual([groupsIn(without).length, groupsIn(above).length], [0, 1])
  assert.equal(makeGroupV2([without], limits), undefined)
})

/** The real hierarchy of version 2, or undefined and the test skipped. */
function realV2(t: TestContext): string | undefined {
  const own = findPlaces().v2[0]
  const folder = own === undefined ? '' : join(own, ownName('mayfly'))
  if (own !== undefined && makeGroupFolder(folder, [])) return folder
  t.skip('no control group of version 2 can be made here')
  return undefined
}

// Here version 2 may be without the controllers; moving, killing and removing are the kernel's own.
test('version 2 (the kernel’s): a process is put in, killed at once with what it started, and the group is removed', async (t) => {
  const folder = realV2(t)
  if (folder === undefined) return
  const group = groupIn(folder)
  const child = spawn('/bin/sh', ['-c', 'setsid sleep 60 & sleep 60; true'], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const end = ended(child)
  await group.admit(child.pid ?? 0)
  assert.ok(textIn(folder, 'cgroup.procs').split('\n').includes(String(child.pid)))
  assert.equal(group.remove(), false)
  group.kill()
  await end
  for (let tries = 0; !group.remove() && tries < 1_000; tries++)
    await new Promise((next) => setTimeout(next, 2))
  assert.equal(existsSync(folder), false)
})

/** The real hierarchies of version 1, or undefined and the test skipped. */
function realV1(t: TestContext): Readonly<Record<string, string>> | undefined {
  const { v1 } = findPlaces()
  const group = makeGroupV1(v1, limits)
  group?.remove()
  if (group !== undefined) return v1
  t.skip('no control group of version 1 can be made here')
  return undefined
}

test('version 1 (the kernel’s): the limits stand, and the group is gone when it ends', async (t) => {
  const places = realV1(t)
  if (places === undefined) return
  const before = groupsIn(places['memory'] ?? '').length
  const hold = holdStep(limits, { v2: [], v1: places })
  assert.equal(hold.by, 'cgroup1')
  assert.equal(hold.joins.length, 3)
  const parent = places['memory'] ?? ''
  const name = groupsIn(parent).find((one) => one.includes(`-${process.pid}-`)) ?? ''
  assert.equal(textIn(join(parent, name), 'memory.limit_in_bytes'), `${2 ** 26}\n`)
  assert.equal(textIn(join(places['pids'] ?? '', name), 'pids.max').trim(), '64')
  await hold.end()
  assert.equal(groupsIn(parent).length, before)
  assert.equal(hold.passed(), undefined)
})

test('where one controller of version 1 is missing no half of a group is left', (t) => {
  const places = realV1(t)
  if (places === undefined) return
  const before = groupsIn(places['memory'] ?? '').length
  assert.equal(makeGroupV1({ ...places, pids: '/nonexistent' }, limits), undefined)
  assert.equal(groupsIn(places['memory'] ?? '').length, before)
})

test('a group that a killed supervisor left is swept at the next start, a living one’s never', async (t) => {
  const parent = temporaryFolder(t)
  const script = `import { ownName } from ${JSON.stringify(new URL('../own-name.ts', import.meta.url).href)}
    import { mkdirSync } from 'node:fs'
    mkdirSync(${JSON.stringify(parent)} + '/' + ownName('mayfly'))
    console.log('made')
    setInterval(() => undefined, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 2],
  })
  t.after(() => other.kill('SIGKILL'))
  const end = ended(other)
  await new Promise((made) => other.stdout?.once('data', made))
  mkdirSync(join(parent, ownName('mayfly')))
  mkdirSync(join(parent, 'mayfly-of-somebody'))
  mkdirSync(join(parent, `other-${ownName('x').slice(2)}`))
  // As if of another PID namespace, where its number means another process.
  const [, , ...rest] = ownName('mayfly').split('-')
  mkdirSync(join(parent, ['mayfly', '1', ...rest].join('-')))
  sweepGroups(parent)
  assert.equal(readdirSync(parent).length, 5)
  other.kill('SIGKILL')
  await end
  sweepGroups(parent)
  assert.equal(readdirSync(parent).length, 4)
})

test('where no group can be made the limits of each process hold', () => {
  const hold = holdStep(limits, { v2: [], v1: {} })
  assert.deepEqual([hold.by, hold.joins.length, hold.passed()], ['rlimits', 0, undefined])
  assert.equal(
    holdStep(limits, { v2: ['/nonexistent'], v1: { memory: '/proc', pids: '/proc' } }).by,
    'rlimits',
  )
})
