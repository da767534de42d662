import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPlaces } from './places.ts'

const unified = '29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n'

test('version 2: the own folder and those above it, nearest first', () => {
  const { v2, v1 } = findPlaces(unified, '0::/system.slice/runner.service/agent\n')
  assert.deepEqual(v2, [
    '/sys/fs/cgroup/system.slice/runner.service/agent',
    '/sys/fs/cgroup/system.slice/runner.service',
    '/sys/fs/cgroup/system.slice',
    '/sys/fs/cgroup',
  ])
  assert.deepEqual(v1, {})
  assert.deepEqual(findPlaces(unified, '0::/\n').v2, ['/sys/fs/cgroup'])
})

test('version 1: the own folder in each controller’s hierarchy, also where two share one', () => {
  const mounts =
    '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n' +
    '36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n' +
    '37 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n' +
    '38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n'
  const { v1, v2 } = findPlaces(mounts, '9:name=systemd:/a\n4:memory:/jobs/x\n2:cpu,cpuacct:/\n0::/\n')
  assert.equal(v1['memory'], '/sys/fs/cgroup/memory/jobs/x')
  assert.equal(v1['cpu'], '/sys/fs/cgroup/cpu,cpuacct')
  assert.equal(v1['pids'], undefined)
  assert.deepEqual(v2, ['/sys/fs/cgroup/unified'])
})

test('in a container, whose mount shows a part of the hierarchy only', () => {
  const mounts = '35 31 0:32 /docker/ab\\040c /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n'
  assert.equal(findPlaces(mounts, '4:memory:/docker/ab c\n').v1['memory'], '/sys/fs/cgroup/memory')
  assert.equal(findPlaces(mounts, '4:memory:/docker/ab c/in\n').v1['memory'], '/sys/fs/cgroup/memory/in')
  // Ours is not below what is mounted.
  for (const path of ['/docker/ab', '/docker/ab cd', '/elsewhere', '/../x'])
    assert.equal(findPlaces(mounts, `4:memory:${path}\n`).v1['memory'], undefined)
})

test('where nothing is mounted, or nothing can be read, there is no place', () => {
  assert.deepEqual(findPlaces('', ''), { v2: [], v1: {} })
  assert.deepEqual(findPlaces('nonsense\n - \n', 'nonsense\n4:memory:/x\n'), { v2: [], v1: {} })
})
