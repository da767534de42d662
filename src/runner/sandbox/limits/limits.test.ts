import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roleOf } from '../../role-facts.fixture.ts'
import { limitsOf, passedText, sizeText, unheldText } from './limits.ts'
import { memoryFolderBytes, processLimits } from './process-limits.ts'

const GiB = 2 ** 30
const role = { ...roleOf('build').limits, memory_bytes: 4 * GiB, processes: 64 }

test('a step has its role’s limits, and no more memory than the machine can give it', () => {
  assert.equal(limitsOf(role, undefined, 64 * GiB).memoryBytes, 4 * GiB)
  assert.equal(limitsOf(role, undefined, 4 * GiB).memoryBytes, 3.5 * GiB)
  assert.equal(limitsOf(role, undefined, 2 * GiB).memoryBytes, 1.75 * GiB)
})

test('of the role’s time and the pipeline’s the sooner ends a step, and is named', () => {
  const timed = { ...role, time_seconds: 3600 }
  const at = (timeout?: number) => limitsOf(timed, timeout)
  assert.deepEqual([at().timeSeconds, at().timeBy], [3600, 'role'])
  assert.deepEqual([at(60).timeSeconds, at(60).timeBy], [60, 'pipeline'])
  assert.deepEqual([at(7200).timeSeconds, at(7200).timeBy], [3600, 'role'])
  assert.deepEqual([limitsOf(role, 60).timeSeconds, limitsOf(role).timeSeconds], [60, undefined])
  assert.match(passedText('time', at(60), 'build'), /timeout of its step in the pipeline, 1m; .*timeout: 2m$/)
  assert.match(passedText('time', at(), 'build'), /limit of 1h; .*role "build": limits: \{ time: 2h \}$/)
})

test('the message names the limit, its value, and what to write in the role', () => {
  const limits = limitsOf(role, undefined, 64 * GiB)
  const said = {
    memory: /more memory than its limit of 4GiB; .* in role "build": limits: \{ memory: 8GiB \}$/,
    processes: /more processes and threads than its limit of 64; .* limits: \{ processes: 128 \}$/,
    disk: /in its workspace, its caches and the files that it hands on more was written than its limit of 50GiB .*; .* limits: \{ disk: 100GiB \}$/,
    file: /a file that is larger than its limit of disk, 50GiB, .* wherever it is; .* limits: \{ disk: 100GiB \}$/,
    output: /printed more than its limit of 1GiB; .* limits: \{ output: 2GiB \}$/,
  } as const
  for (const [name, text] of Object.entries(said))
    assert.match(passedText(name as keyof typeof said, limits, 'build'), text)
  const small = limitsOf(role, undefined, 4 * GiB)
  assert.match(
    passedText('memory', small, 'build', 4 * GiB),
    /this machine can give it, 3584MiB: .*larger runner/,
  )
})

test('a size in a message can be written in a role as it stands', () => {
  for (const [bytes, text] of [
    [64 * 2 ** 20, '64MiB'],
    [1.5 * GiB, '1536MiB'],
    [GiB, '1GiB'],
    [25_000_000_000, '23GiB'],
    [1024, '1KiB'],
    [1, '1KiB'],
  ] as const)
    assert.equal(sizeText(bytes), text)
})

test('what no process limit can hold is said', () => {
  assert.match(unheldText(limitsOf({ ...role, cpus: 2 })) ?? '', /2 processors is not held/)
  assert.equal(unheldText(limitsOf(role)), undefined)
})

test('without a control group each process has the memory to itself, and the folders in memory share it', () => {
  const limits = limitsOf(role, undefined, 64 * GiB)
  const inGroup = new Map(processLimits(limits, 'cgroup2'))
  const alone = new Map(processLimits(limits, 'rlimits'))
  const [DATA, CORE, NPROC, NOFILE] = [2, 4, 6, 7]
  assert.deepEqual([inGroup.get(DATA), inGroup.get(NPROC)], [undefined, undefined])
  assert.deepEqual([alone.get(DATA), alone.get(NPROC)], [4 * GiB, 64])
  for (const each of [inGroup, alone]) {
    assert.equal(each.get(NOFILE), 65_536)
    // 0 would still start the program that kernel.core_pattern names.
    assert.equal(each.get(CORE), 1)
  }
  assert.equal(memoryFolderBytes(limits, 'cgroup1'), 2 * GiB)
  assert.ok(5 * memoryFolderBytes(limits, 'rlimits') <= 4 * GiB)
})
