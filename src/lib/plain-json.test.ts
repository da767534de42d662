import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from './any-character.fixture.ts'
import { readLongJson, readPlainJson } from './plain-json.ts'

const bounds = { longestText: 100, mostBytes: 4_000_000 }
const name = fc.oneof(
  fc.constantFrom('a', 'b', '\\', '"', ',', '{', 'é'),
  fc.string({ maxLength: 3, unit: anyCharacter }),
)
const tree = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    name,
    fc.double({ noNaN: true }),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
})).object

test('what is JSON is read as JSON is; a name that stands twice is found wherever it is, however it is written', () => {
  fc.assert(
    fc.property(tree, fc.boolean(), (document, spaced) => {
      const text = JSON.stringify(document, null, spaced ? 2 : 0)
      assert.deepEqual(readPlainJson(Buffer.from(text)), JSON.parse(text))
    }),
    { numRuns: 500 },
  )
  for (const text of [
    '{"a":1,"a":2}',
    '{"x":[{"a":"b","\\u0061":1}]}',
    '{"a":{"b":1},"c":[],"a":{}}',
    '{"\\\\":1,"\\u005c":2}',
  ])
    assert.equal(readPlainJson(Buffer.from(text)), 'a name stands twice in its body', text)
  for (const text of [
    '{"a":{"a":1},"b":{"a":["a","a",{"a":"a"}]}}',
    '{"a":":","b":",\\"c\\":1,\\"c\\":2"}',
    '{"a":"\\\\","b":1}',
  ])
    assert.deepEqual(readPlainJson(Buffer.from(text)), JSON.parse(text))
})

test('whatever comes, it is told in words, and what is no JSON is read as nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', '1', 'a', 'null', ' ')),
      (pieces) => {
        const text = pieces.join('')
        let document: unknown
        try {
          document = JSON.parse(text)
        } catch {}
        const found = readPlainJson(Buffer.from(text))
        if (typeof found !== 'string') assert.deepEqual(found, document)
      },
    ),
    { numRuns: 2_000 },
  )
  const deep = (open: string, close: string) => `{"a":${open.repeat(200_000)}${close.repeat(200_000)}}`
  for (const [text, why] of [
    [deep('[', ']'), /nested more than/],
    [deep('{"a":', '}'), /nested more than/],
    ['['.repeat(1_000_000), /nested more than/],
    ['"'.repeat(1_000_001), /no JSON/],
    [`"${'\\"'.repeat(1_000_000)}`, /no JSON/],
    [`{"a":[${'1,'.repeat(300_000)}1]}`, /more than 250000 values/],
    [`{"${'n'.repeat(70_000)}":1}`, /stands twice|no JSON/],
    ['[]', /no JSON object/],
    ['\ufeff{}', /no JSON/],
  ] as const)
    assert.match(String(readPlainJson(Buffer.from(text))), why)
  assert.equal(readPlainJson(Buffer.from('{"a":"\u00e9"}', 'latin1')), 'its body is not in UTF-8')
  assert.equal(readPlainJson(Buffer.from('{"a":1}', 'utf16le')), 'its body is no JSON')
})

test('a text of many MB is left out, and others have their turn meanwhile', async () => {
  const body = Buffer.from(
    `{"Code":{"ZipFile":"${'A\\n'.repeat(10_000_000)}"},"Name":"web","Other":"${'b'.repeat(101)}"}`,
  )
  let turns = 0
  let isRead = false
  const others = (async () => {
    for (; !isRead; turns++) await setImmediate()
  })()
  const found = await readLongJson(Buffer.concat([body, Buffer.alloc(3_000_000, ' ')]), bounds)
  isRead = true
  await others
  assert.deepEqual(found, { Code: { ZipFile: 0 }, Name: 'web', Other: 0 })
  assert.ok(turns > 5, String(turns))
  const many = Buffer.from(`{"a":[${'"bbbbbbbbbbbbbb",'.repeat(240_000)}1]}`)
  assert.match(String(await readLongJson(many, bounds)), /bytes of names and short texts/)
})
