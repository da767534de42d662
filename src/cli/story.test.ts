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
