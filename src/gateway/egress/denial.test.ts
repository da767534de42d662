import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules } from '../gateway.fixture.ts'
import { egressDenial } from './denial.ts'

const { targets } = compileRules({ git: { kind: 'git', url: 'https://git.example.com/scm' } }, [
  'git:read git/octo/app',
])

test('a host beside a connection names that connection, and no rule that would pass it by', () => {
  for (const [host, port] of [
    ['git.example.com', 80],
    ['git.example.com', 8443],
    ['gti.example.com', 443],
    ['git.exmple.com', 443],
  ] as const) {
    const told = egressDenial(targets, 'build', host, port)
    assert.match(told, /connection "git".* https:\/\/git\.example\.com\/scm|connection "git" \(https:/, host)
    assert.doesNotMatch(told, /add to/, host)
  }
})

test('another host is told the line to add', () => {
  assert.match(
    egressDenial(targets, 'build', 'deb.example.org', 443),
    /add to roles\.build\.egress .*deb\.example\.org/,
  )
  assert.match(egressDenial(targets, 'build', '8.8.8.8', 443), /add to roles\.build\.egress/)
})
