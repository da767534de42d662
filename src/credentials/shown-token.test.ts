import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basicIn } from './shown-token.ts'

const api = { odd: (what: string) => new Error(what) } as unknown as Parameters<typeof basicIn>[2]

test('a user and a password may have blanks; a colon in the user or a control character is refused by its name', () => {
  const shown = basicIn('ci user', 'two words: ü', api)
  assert.equal(shown.reveal(), `Basic ${Buffer.from('ci user:two words: ü').toString('base64')}`)
  for (const [user, password, why] of [
    ['a:b', 'c', /^Error: a username with a colon/],
    ['a\r\nb', 'c', /^Error: a username with a colon or a control character/],
    ['a', 'c\n', /^Error: a password with a control character/],
    ['', 'c', /^Error: no username/],
    ['a', 5, /^Error: a password that is no text/],
  ] as const)
    assert.throws(() => basicIn(user, password, api), why)
})
