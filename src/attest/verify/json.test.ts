import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTrustedRoot, Refusal, verifyBundle, verifyEnvelope } from './index.ts'
import { readJson } from './json.ts'
import { createWorld } from './world.fixture.ts'

const limits = { bytes: 1_000, pieces: 10 }
const reasonOf = (input: unknown) => {
  try {
    readJson(input, limits)
    return 'ok'
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

test('what is too deep or has too much in it is refused before it is parsed', () => {
  const rows: readonly (readonly [unknown, string])[] = [
    ['[1,2,3,4,5,6,7,8,9]', 'ok'],
    ['[1,2,3,4,5,6,7,8,9,10]', 'too_large'],
    // It is no JSON, which nobody has found out yet.
    [`[${'[],'.repeat(200)}`, 'too_large'],
    [`[${'{},'.repeat(200)}`, 'too_large'],
    [`{${'"a":0,'.repeat(100)}`, 'too_large'],
    ['['.repeat(500), 'too_large'],
    [`"${'\\"'.repeat(8)}"`, 'ok'],
    [`"${'\\"'.repeat(20)}"`, 'too_large'],
    [`"${'a'.repeat(900)}[[[[[[[[[[[[[[,,,,,,,,,,,,::::"`, 'ok'],
    [`"${'\\\\'.repeat(400)}"`, 'ok'],
    [`"${'x'.repeat(1_000)}"`, 'too_large'],
    [`"${'ü'.repeat(600)}"`, 'too_large'],
    [Buffer.alloc(1_001, 0x20), 'too_large'],
    [Buffer.of(0x22, 0xff, 0x22), 'malformed'],
    ['"a', 'malformed'],
    ['"a\\"', 'malformed'],
    ['{"a":1}{', 'malformed'],
    ['}}}}[]', 'malformed'],
    ['{"a":{"b":1},"b":2}', 'ok'],
    ['{"a":1,"a":2}', 'name_twice'],
    ['{"a":1,"\\u0061":2}', 'name_twice'],
    ['{"a":{"__proto__":1,"__proto__":2}}', 'name_twice'],
    ['["\\ud83d\\ude00"]', 'ok'],
    ['["\\ud83d"]', 'malformed'],
    ['{"\\uDE00":1}', 'malformed'],
    ['["\ud83d"]', 'malformed'],
    [{ a: '\ud83d' }, 'malformed'],
    [undefined, 'malformed'],
  ]
  for (const [input, reason] of rows) assert.equal(reasonOf(input), reason, String(input).slice(0, 60))
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const roomy = { bytes: 1_000, pieces: 1_000 }
  assert.doesNotThrow(() => readJson(deep(64), roomy))
  assert.throws(() => readJson(deep(65), roomy), /more than 64 deep/)
})

test('a bundle and an envelope have few values, however long they may be', async () => {
  const world = await createWorld()
  const trust = parseTrustedRoot(world.trustedRoot)
  const many = `[${'[],'.repeat(2_000_000)}[]]`
  const bundle = await world.bundle()
  const wide = { ...bundle, verificationMaterial: Array.from({ length: 5_000 }, () => ({})) }
  for (const one of [many, Buffer.from(many), JSON.stringify(wide), wide]) {
    const verdict = verifyBundle(one, trust)
    assert.deepEqual(verdict.ok || verdict.reason, 'too_large')
  }
  const { publicKey } = await world.byKey()
  const verdict = verifyEnvelope(many, publicKey)
  assert.deepEqual(verdict.ok || verdict.reason, 'too_large')
})

test('the payload is not read before timestamp and signer hold', async () => {
  const world = await createWorld()
  const trust = parseTrustedRoot(world.trustedRoot)
  const reason = (bundle: object) => {
    const verdict = verifyBundle(bundle, trust)
    return verdict.ok || verdict.reason
  }
  const unread = async (change: Parameters<typeof world.bundle>[0]) => {
    const bundle = await world.bundle(change)
    return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: 'no base64' } }
  }
  assert.equal(reason(await unread({ timestamp: { of: Buffer.from('x') } })), 'timestamp_of_other')
  assert.equal(reason(await unread({ leaf: { issuerName: 'CN=other' } })), 'untrusted_certificate')
  assert.equal(reason(await unread({})), 'malformed')
})
