import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../lib/any-character.fixture.ts'
import { limits } from '../lib/index.ts'
import { aroundProxy, checkServices, planDoors } from './doors.ts'

const placesOf = (authorities: string[], services: number[] = []) =>
  Object.fromEntries(planDoors(authorities, services).ways)

test('each host has an address of its own, and one address for all of its ports', () => {
  const doors = planDoors(['git.test:443', 'db.test:5432', 'git.test:22', 'git.test:443'], [])
  assert.deepEqual(Object.fromEntries(doors.ways), {
    '127.0.0.1:3128': { to: 'proxy' },
    '127.64.0.1:443': { to: 'host', authority: 'git.test:443' },
    '127.64.0.2:5432': { to: 'host', authority: 'db.test:5432' },
    '127.64.0.1:22': { to: 'host', authority: 'git.test:22' },
  })
  assert.equal(
    doors.hosts,
    '127.0.0.1 localhost mayfly\n::1 localhost\n127.64.0.1 git.test\n127.64.0.2 db.test\n',
  )
  assert.deepEqual([doors.hostNames, doors.without], [['git.test', 'db.test'], []])
})

test('a host that is an address is found at that address; localhost is where it always is', () => {
  assert.deepEqual(placesOf(['10.0.0.5:8080', 'localhost:4873', '127.0.0.1:3128', '[::1]:4873']), {
    '127.0.0.1:3128': { to: 'proxy' },
    '10.0.0.5:8080': { to: 'host', authority: '10.0.0.5:8080' },
    '127.0.0.1:4873': { to: 'host', authority: 'localhost:4873' },
    '[::1]:4873': { to: 'host', authority: '[::1]:4873' },
  })
  const { without } = planDoors(['0.0.0.0:80', '224.0.0.1:80', '255.255.255.255:80', '[fd00::1]:80'], [])
  assert.equal(without.length, 4)
})

test('a service is at both addresses of localhost, before a host of the same place', () => {
  assert.deepEqual(placesOf(['localhost:5432'], [5432]), {
    '127.0.0.1:3128': { to: 'proxy' },
    '127.0.0.1:5432': { to: 'service', port: 5432 },
    '[::1]:5432': { to: 'service', port: 5432 },
  })
})

test('beyond the limit hosts have no address, and are named', () => {
  const many = Array.from({ length: 70_000 }, (_, i) => `h${i}.test:443`)
  const doors = planDoors(many, [])
  assert.equal(doors.ways.size, limits.doorsPerStep)
  assert.equal(doors.without.length, many.length - limits.doorsPerStep + 1)
  assert.equal(new Set(doors.ways.keys()).size, limits.doorsPerStep)
  assert.ok([...doors.ways.keys()].every((place) => /^127\.(?:0|64)\.[01]\.\d{1,3}:\d+$/.test(place)))
})

test('nothing that a server sends as a host becomes another line or name of /etc/hosts, or another place', () => {
  const hostile = [
    'a.test\n10.0.0.1 github.com:443',
    'a.test github.com:443',
    'a.test\tb.test:443',
    'a.test#:443',
    'A.test:443',
    'a.test.:443',
    '*.test:443',
    'a.test:0',
    'a.test:65536',
    'a.test:443,127.0.0.1:22',
    'a\0.test:443',
    'bücher.test:443',
    '0x7f000001:443',
    '2130706433:443',
    '127.1:443',
    ':443',
    'a.test',
    `${'a'.repeat(300)}:443`,
  ]
  const doors = planDoors(hostile, [])
  assert.deepEqual([doors.ways.size, doors.without], [1, hostile])
  assert.equal(doors.hosts, '127.0.0.1 localhost mayfly\n::1 localhost\n')
  fc.assert(
    fc.property(fc.array(fc.string({ unit: anyCharacter, maxLength: 40 }), { maxLength: 20 }), (texts) => {
      const planned = planDoors(
        texts.map((one) => `${one}:443`),
        [],
      )
      for (const line of planned.hosts.trimEnd().split('\n').slice(2))
        assert.match(line, /^127\.64\.\d+\.\d+ [a-z0-9._-]+$/)
      for (const place of planned.ways.keys()) assert.match(place, /^(?:\d+\.\d+\.\d+\.\d+|\[::1\]):\d+$/)
    }),
  )
})

test('of the job’s NO_PROXY those hosts count that have a door', () => {
  const hosts = ['git.corp.test', 'corp.test', 'notcorp.test', '10.0.0.5']
  const around = (noProxy: string) => aroundProxy(noProxy, hosts)
  for (const entry of ['corp.test', '.corp.test', '*.corp.test', 'Corp.Test:443'])
    assert.deepEqual(around(entry), ['git.corp.test', 'corp.test'], entry)
  assert.deepEqual(around('localhost, 10.0.0.5 wild.test,,'), ['10.0.0.5'])
  assert.deepEqual(around('*'), hosts)
  assert.deepEqual(around(''), [])
})

test('a service that the role does not allow is refused with the line to add; the proxy’s port is nobody’s', () => {
  const role = { name: 'build', services: [6379] }
  checkServices({ name: 'test', services: [6379] }, role)
  checkServices({ name: 'test', services: [] }, undefined)
  assert.throws(() => checkServices({ name: 'test', services: [6379, 5432] }, role), {
    code: 'denied',
    message:
      'step "test" asks for service 5432, which role "build" does not allow: add to roles.build in mayfly.yaml: services: [6379, 5432]',
  })
  assert.throws(
    () => checkServices({ name: 'test', services: [3128] }, { name: 'build', services: [3128] }),
    {
      code: 'bad_input',
    },
  )
  assert.throws(() => checkServices({ name: 'test', services: [5432] }, undefined), { code: 'denied' })
})
