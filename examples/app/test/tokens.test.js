import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../src/config.js'
import { createToken, createTokenCheck } from '../src/tokens.js'

const alice = createToken('alice')
const bob = createToken('bob')
const check = createTokenCheck(readConfig({ LINKS_TOKENS: `${alice.entry}, ${bob.entry}` }).tokens)

test('a token is recognised as its holder', () => {
  assert.equal(check(`Bearer ${alice.token}`), 'alice')
  assert.equal(check(`bearer ${bob.token}`), 'bob')
})

test('anything else is nobody', () => {
  const digest = alice.entry.split(':')[1]
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    alice.token,
    `Basic ${alice.token}`,
    `Bearer ${digest}`,
  ])
    assert.equal(check(header), undefined)
  assert.equal(check(`Bearer ${alice.token}x`), undefined)
  assert.equal(check(`Bearer ${alice.token} ${bob.token}`), undefined)
})

test('an entry does not contain its token', () => {
  assert.ok(!alice.entry.includes(alice.token))
  assert.notEqual(createToken('alice').token, alice.token)
})
