import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellEntry } from './story.ts'

const told = (type: string, data: Record<string, unknown>) =>
  tellEntry({ index: 1, id: 'x', time: '', type, subject: 'stp_1', data }).join('\n')
const operations = [{ action: 'npm:install', connection: 'npm', path: 'a' }]

test('what was granted is not told as reached, a host that did not answer not as refused', () => {
  assert.match(told('access.granted', { operations }), /was granted npm:install npm\/a/)
  const unreached = { what: 'connection npm', reason: 'does not answer', unreached: 'https://npm.test' }
  assert.match(told('access.denied', unreached), /NOT REACHED: connection npm: does not answer/)
  assert.match(told('access.denied', { what: 'x', reason: 'y' }), /REFUSED x: y/)
})

test('what only shadow mode let pass is a sentence', () => {
  assert.match(told('access.shadowed', { operations }), /was let to npm:install npm\/a by shadow mode alone/)
})

test('what becomes of secrets is told in sentences', () => {
  const rotation = { secret: 'db/app', rotator: 'postgres-users', from: 3, to: 4 }
  for (const [type, more, says] of [
    [
      'secret.rotated',
      {},
      /secret "db\/app" was rotated: version 4 is used in place of 3 \(postgres-users\)/,
    ],
    [
      'secret.retired',
      { proof: 'probed' },
      /version 3 of secret "db\/app" is ended at its upstream \(probed\)/,
    ],
    ['secret.rolledback', { reason: 'dead' }, /WAS TAKEN BACK, version 3 is used: dead/],
    ['secret.unrotated', { reason: '500' }, /SECRET "db\/app" WAS NOT ROTATED, version 3 is used: 500/],
    [
      'secret.compromised',
      { by: 'ada', version: 3, reason: 'a log' },
      /ada said that OTHERS KNOW version 3 .*: a log/,
    ],
    [
      'compromise.answered',
      { version: 3, leases: 2, proof: 'not_proved' },
      /2 leases were ended.*NOT PROVED/,
    ],
  ] as const)
    assert.match(told(type, { ...rotation, ...more }), says)
})
