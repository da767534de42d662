import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flattenClaims } from './claims.ts'
import { makeKey, reasonOf, setup, signRaw } from './issuer.fixture.ts'

test('claims are text; nested ones have their path; lists and null are left out', () => {
  const result = flattenClaims({
    sub: 's',
    build: 7,
    verified: true,
    none: null,
    groups: ['a'],
    'kubernetes.io': { namespace: 'ci', pod: { name: 'p', uid: 'u' }, list: [{ a: 1 }] },
  })
  assert.ok(result.ok)
  assert.deepEqual(
    { ...result.claims },
    {
      sub: 's',
      build: '7',
      verified: 'true',
      'kubernetes.io/namespace': 'ci',
      'kubernetes.io/pod/name': 'p',
      'kubernetes.io/pod/uid': 'u',
    },
  )
})

test('refused: two claims of one path', () => {
  for (const payload of [
    { 'a/b': '1', a: { b: '2' } },
    { a: { b: '2' }, 'a/b': '1' },
    { a: { 'b/c': 1, b: { c: 1 } } },
  ])
    assert.equal(flattenClaims(payload).ok, false, JSON.stringify(payload))
})

test('refused: a path that two claims of a token have', async () => {
  const { verify } = setup()
  assert.equal(reasonOf(await verify({ a: { b: 'x' }, 'a/b': 'y' })), 'claim_malformed')
})

// 9007199254740993 is read as 9007199254740992: another repository.
test('refused: an id whose number a double cannot hold, or that is no whole number', async () => {
  const { verifier, key, claims } = setup()
  for (const number of ['9007199254740993', '1e400', '-1e400', '1.5']) {
    const payload = claims({ repository_id: 0 }).replace('"repository_id":0', `"repository_id":${number}`)
    assert.equal(reasonOf(await verifier.verify(signRaw(key, payload))), 'claim_missing', number)
  }
})

// Each row: what is not what it looks like, cannot be seen, or is no text at all; and whether a name may be so.
const values: readonly (readonly [string, string, 'name' | 'never'])[] = [
  ['Arabic digits', '١٢٩٦٢٦٩', 'name'],
  ['full-width digits', '１２９６２６９', 'name'],
  ['a Cyrillic letter', 'octo-оrg/app', 'name'],
  ['a zero-width space', 'octo-org\u200b/app', 'name'],
  ['a right-to-left override', 'octo-org/\u202eppa', 'name'],
  ['a soft hyphen', 'octo\u00ad-org/app', 'name'],
  ['a composed accent', 'octo-org/caf\u00e9', 'name'],
  ['a combining accent', 'octo-org/cafe\u0301', 'name'],
  ['a byte order mark', '\ufeffocto-org/app', 'name'],
  ['a space in front', ' octo-org/app', 'name'],
  ['a space behind', 'octo-org/app ', 'name'],
  ['a null byte', 'octo-org/app\0', 'never'],
  ['a line break', 'octo-org/app\nowner: evil', 'never'],
  ['an escape sequence', 'octo-org/app\u001b[2K', 'never'],
  ['half a surrogate pair', 'octo-org/\ud800', 'never'],
  ['a name without an end', 'x'.repeat(1_025), 'never'],
]
for (const [what, value, where] of values) {
  test(`refused: ${what} in an id, and in the ids of the token`, async () => {
    const { verify } = setup()
    for (const claim of ['repository_id', 'actor_id', 'jti', 'run_id', 'check_run_id'])
      assert.equal(reasonOf(await verify({ [claim]: value })), 'claim_malformed', claim)
  })

  test(`${where === 'name' ? 'accepted, code point by code point' : 'refused'}: ${what} in a name`, async () => {
    const { verify } = setup()
    for (const claim of ['environment', 'actor', 'runner_environment'] as const) {
      const result = await verify({ [claim]: value })
      if (where === 'never') assert.equal(reasonOf(result), 'claim_malformed', claim)
      else assert.equal(result.ok && result.identity.claims[claim], value)
    }
    const ref = `refs/heads/${value}`
    const result = await verify({ ref, sub: `repo:octo-org/app:ref:${ref}` })
    if (where === 'never') assert.equal(reasonOf(result), 'claim_malformed')
    else assert.equal(result.ok && result.identity.attributes.ref, ref)
  })
}

test('what is refused of a token that its issuer signed says whose job it is; what a stranger could write does not', async () => {
  const { verify, verifier, claims } = setup()
  const refused = await verify({ environment: 'a\nb' })
  assert.ok(!refused.ok)
  assert.equal(refused.job?.attributes.repository_id, '1296269')
  assert.match(refused.detail, /environment "a\\u000ab" has control characters/)
  const forged = await verifier.verify(signRaw(makeKey('key-1'), claims({ environment: 'a\nb' })))
  assert.ok(!forged.ok && forged.job === undefined)
})

test('refused: the same in a claim that the issuer’s rules pin by its own name; elsewhere it stays', async () => {
  const { verify } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['team'] })
  for (const [, team] of values.filter(([what]) => !what.includes('without an end')))
    assert.equal(reasonOf(await verify({ team })), 'claim_malformed', team)
  assert.equal(reasonOf(await verify({ team: 'blue', motto: 'größer' })), 'accepted')
})

test('accepted: names with spaces and every printable character of ASCII', async () => {
  const { verify } = setup()
  const printable = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 0x21 + i))
  for (const environment of ['production eu', printable]) {
    const result = await verify({ environment })
    assert.ok(result.ok)
    assert.equal(result.identity.attributes.environment, environment)
  }
})

test('refused: a number that is not of the form of this CI’s ids', async () => {
  const { verify } = setup()
  for (const id of ['0x1', '+1', '-1', '1 ', '1e3', '1.0', '1'.repeat(21), '12a'])
    assert.equal(reasonOf(await verify({ repository_id: id })), 'claim_malformed', id)
})
