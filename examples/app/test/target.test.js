import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_TARGET_LENGTH, parseTarget } from '../src/target.js'

const OWN = 'https://go.example.com'

test('a target is normalised', () => {
  assert.equal(parseTarget('HTTPS://Example.COM/a b?q=é', OWN), 'https://example.com/a%20b?q=%C3%A9')
})

const refused = [
  ['not a url', 'target_invalid'],
  ['/relative', 'target_invalid'],
  ['javascript:alert(1)', 'target_scheme'],
  ['data:text/html,hello', 'target_scheme'],
  ['https://user@example.com/', 'target_credentials'],
  ['https://:pass@example.com/', 'target_credentials'],
  ['https://GO.example.com/other', 'target_is_self'],
  ['http://go.example.com:443/', undefined],
  [`https://example.com/${'é'.repeat(MAX_TARGET_LENGTH / 6)}`, 'target_too_long'],
]

for (const [url, code] of refused) {
  test(`${url.slice(0, 40)} is ${code ?? 'accepted'}`, () => {
    if (code) assert.throws(() => parseTarget(url, OWN), { code, statusCode: 422 })
    else assert.ok(parseTarget(url, OWN))
  })
}
