import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonOf, setup, signRaw, startMs } from './issuer.fixture.ts'
import { maxClockSkewSeconds as skew } from './validity.ts'

const now = startMs / 1000
const dayS = 86_400

// Each row: the times of a token, and what becomes of it; the edges are at the named skew exactly.
const times: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['it ended within the skew', { iat: now - 300, exp: now - skew + 1 }, 'accepted'],
  ['it ended as long ago as the skew', { iat: now - 300, exp: now - skew }, 'token_expired'],
  ['it ended longer ago', { iat: now - 300, exp: now - skew - 1 }, 'token_expired'],
  ['nbf is as far ahead as the skew', { nbf: now + skew }, 'accepted'],
  ['nbf is further ahead', { nbf: now + skew + 1 }, 'token_not_yet_valid'],
  ['iat is as far ahead as the skew', { iat: now + skew, nbf: undefined }, 'accepted'],
  ['iat is further ahead', { iat: now + skew + 1, nbf: undefined }, 'token_not_yet_valid'],
  ['iat is far ahead', { iat: now + 3600, exp: now + 7200 }, 'token_not_yet_valid'],
  ['it lives a day', { iat: now, exp: now + dayS }, 'accepted'],
  ['it lives longer than a day', { iat: now, exp: now + dayS + 1 }, 'token_expired'],
  ['it ends when it begins', { iat: now + 20, exp: now + 20 }, 'token_expired'],
  ['it ends before it begins', { iat: now + 20, exp: now + 10 }, 'token_expired'],
  ['exp is a text', { exp: String(now + 300) }, 'token_malformed'],
  ['iat is a text', { iat: String(now) }, 'token_malformed'],
  ['nbf is a text', { nbf: String(now) }, 'token_malformed'],
  ['exp is a list', { exp: [now + 300] }, 'token_malformed'],
  ['nbf is null', { nbf: null }, 'token_malformed'],
  ['nbf is negative', { nbf: -1 }, 'token_malformed'],
  ['iat is negative', { iat: -1 }, 'token_malformed'],
  ['exp is negative', { exp: -1 }, 'token_malformed'],
  ['exp is zero', { exp: 0 }, 'token_expired'],
  ['iat is yes', { iat: true }, 'token_malformed'],
]
for (const [what, changes, reason] of times) {
  test(`${what}: ${reason}`, async () => {
    const result = await setup().verify(changes)
    assert.equal(reasonOf(result), reason, result.ok ? '' : result.detail)
  })
}

test('refused: numbers that no clock shows', async () => {
  const { verifier, key, claims } = setup()
  for (const number of ['1e308', '1e400', '-1e400', '9007199254740993', '1e15', '-1e15']) {
    for (const claim of ['exp', 'iat', 'nbf']) {
      const payload = claims({ [claim]: 0 }).replace(`"${claim}":0`, `"${claim}":${number}`)
      assert.equal((await verifier.verify(signRaw(key, payload))).ok, false, `${claim} ${number}`)
    }
  }
})

test('a fractional exp (RFC 7519, section 2) is kept as whole seconds', async () => {
  const result = await setup().verify({ exp: now + 299.1234567 })
  assert.ok(result.ok)
  assert.equal(Number.isInteger(result.identity.expiresSeconds), true)
})
