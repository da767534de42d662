import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import {
  FatalError,
  MayflyError,
  Secret,
  constantTimeEqual,
  idOf,
  messageOf,
  newId,
  newOrderedId,
  nowSeconds,
  parsePurl,
  purlText,
  sha256Hex,
  systemCode,
  unguessable,
} from './index.ts'

const value = 'hunter2-correct-horse'

test('a Secret does not leak', () => {
  const secret = new Secret(value)
  const holder = {
    secret,
    list: [secret],
    map: new Map([['key', secret]]),
    deep: { a: { b: { c: { secret } } } },
  }
  const careless = secret as unknown as string
  const error = new Error(`failed with ${careless}`, { cause: secret })
  const texts = [
    String(secret),
    `as a template: ${careless}`,
    ['joined', secret].join(' '),
    'added '.concat(careless),
    JSON.stringify(secret),
    JSON.stringify(holder),
    inspect(secret),
    inspect(secret, { showHidden: true, depth: null, getters: true, customInspect: false }),
    inspect(holder, { showHidden: true, depth: null }),
    inspect(new Proxy(secret, {}), { showProxy: true }),
    JSON.stringify({ ...secret }),
    JSON.stringify(Object.assign({}, secret)),
    inspect(structuredClone(secret), { showHidden: true }),
    serialize(secret).toString('latin1'),
    error.message,
    inspect(error),
    Object.entries(secret).join(),
    Reflect.ownKeys(secret).join(),
    encodeURIComponent(careless),
    new URLSearchParams({ secret: careless }).toString(),
    Buffer.from(careless).toString(),
  ]
  for (const [i, text] of texts.entries()) assert.ok(!text.includes(value), `leak ${i}: ${text}`)
  assert.equal(secret.reveal(), value)
})

test('a Secret of bytes does not leak either', () => {
  const secret = new Secret(Buffer.from(value))
  const hex = Buffer.from(value).toString('hex')
  for (const text of [inspect({ secret }), JSON.stringify({ secret }), String(secret)]) {
    assert.ok(!text.includes(value) && !text.replaceAll(' ', '').includes(hex), text)
  }
  assert.equal(Number.isNaN(Number(secret)), true)
})

test('idOf: the same parts, the same id; parts that only look the same when joined, another', () => {
  assert.equal(idOf('run', ['a', 'b']), idOf('run', ['a', 'b']))
  assert.match(idOf('run', ['a']), /^run_[0-9a-hjkmnp-tv-z]{24}$/)
  const lists = [
    ['ab'],
    ['a', 'b'],
    ['', 'ab'],
    ['ab', ''],
    ['1:a'],
    ['a1:b'],
    ['a', '1:b'],
    ['1:a1:b'],
    [],
    [''],
    ['0:'],
    ['é'],
    ['e\u0301'],
  ]
  assert.equal(new Set(lists.map((parts) => idOf('x', parts))).size, lists.length)
})

test('property: idOf is injective', () => {
  const parts = fc.array(fc.string({ unit: fc.constantFrom('1', '2', ':', 'a', 'é', '\0'), maxLength: 4 }), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      assert.equal(idOf('x', a) === idOf('x', b), JSON.stringify(a) === JSON.stringify(b))
    }),
    { numRuns: 2000 },
  )
})

test('idOf: lone surrogates are told apart', () => {
  assert.notEqual(idOf('x', ['\ud800']), idOf('x', ['\ufffd']))
})

test('newId: prefix, 24 characters, never the same', () => {
  const ids = Array.from({ length: 1000 }, () => newId<string>('lse'))
  assert.equal(new Set(ids).size, 1000)
  for (const id of ids) assert.match(id, /^lse_[0-9a-hjkmnp-tv-z]{24}$/)
})

test('newOrderedId: the form of the others, in the order of their times, never the same', () => {
  const time = fc.integer({ min: 0, max: 32 ** 9 - 1 })
  fc.assert(
    fc.property(time, time, (one, two) => {
      const [first, second] = [newOrderedId<string>('ses', one), newOrderedId<string>('ses', two)]
      for (const id of [first, second]) assert.match(id, /^ses_[0-9a-hjkmnp-tv-z]{24}$/)
      assert.notEqual(first, second)
      if (one !== two) assert.equal(first < second, one < two)
    }),
  )
  assert.equal(new Set(Array.from({ length: 1000 }, () => newOrderedId<string>('ses', 7))).size, 1000)
})

test('unguessable: every one of its 120 bits is now this and now that', () => {
  const seen = Array.from({ length: 500 }, unguessable)
  for (let bit = 0; bit < 120; bit++) {
    const ones = seen.filter((bytes) => ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1).length
    assert.ok(ones > 150 && ones < 350, `bit ${bit}: ${ones} of 500`)
  }
})

test('constantTimeEqual compares values of any length', () => {
  assert.ok(constantTimeEqual('', ''))
  assert.ok(constantTimeEqual('é', 'é'))
  for (const [a, b] of [
    ['a', 'b'],
    ['a', 'aa'],
    ['', 'a'],
    ['A', 'a'],
  ] as const)
    assert.equal(constantTimeEqual(a, b), false)
})

test('sha256Hex is SHA-256 (FIPS 180-4 example)', () => {
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('nowSeconds rounds down', () => {
  assert.equal(nowSeconds({ nowMs: () => 1999 }), 1)
})

test('errors: codes, causes, one line', () => {
  const cause = Object.assign(new Error(''), { code: 'ECONNREFUSED' })
  const error = new MayflyError('store_failed', 'first\n  second', { cause })
  assert.equal(messageOf(error), 'first second: ECONNREFUSED')
  const again = new Error('connect ECONNREFUSED 127.0.0.1:1', {
    cause: new Error('ECONNREFUSED 127.0.0.1:1'),
  })
  assert.equal(messageOf(again), 'connect ECONNREFUSED 127.0.0.1:1')
  assert.equal(messageOf('text'), 'text')
  assert.equal(systemCode(cause), 'ECONNREFUSED')
  assert.equal(systemCode(new Error('x')), undefined)
  assert.equal(systemCode(Object.assign(new Error('x'), { code: 7 })), undefined)
  const fatal = new FatalError('data_folder', 'x')
  assert.ok(fatal instanceof MayflyError)
  assert.equal(fatal.name, 'FatalError')
})

test('a version with an epoch stands in a package URL as the specification has it', () => {
  assert.equal(purlText('1!2.0+local'), '1%212.0%2Blocal')
  assert.equal(parsePurl(`pkg:pypi/delta@${purlText('1!2.0')}`)?.version, '1!2.0')
})
