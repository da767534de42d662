import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseStrictJson } from './strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

test('what looks like a name or a bracket within a text is none', () => {
  for (const text of [
    '{"a":"{","b":"}","c":"\\"a\\":1"}',
    '{"a":"\\\\","b":"a"}',
    '{"a":["a","a"],"b":{"a":1},"c":{"a":1}}',
    '{"a" : 1 ,\n"b"\t:"x:y"}',
    '{"":1," ":2}',
  ])
    assert.ok(parse(text).ok, text)
})

test('refused: a name twice, wherever and however it is written', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"b":{},"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"x":[{},{"a":1, "a" :2}]}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\"":1,"a\\u0022":2}',
  ]) {
    const parsed = parse(text)
    assert.ok(!parsed.ok && parsed.detail.endsWith('is there twice'), text)
  }
})

test('refused: what is no object, or no JSON', () => {
  for (const text of ['', '1', '"a"', '[]', 'null', '{', '{"a":1}}', '{"a":1} x', "{'a':1}", '{"a":1,}'])
    assert.equal(parse(text).ok, false, text)
})

test('refused: deeper than sixteen containers, at once and however deep', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  assert.ok(parse(nested(16)).ok)
  for (const depth of [17, 100, 5_000]) assert.equal(parse(nested(depth)).ok, false)
})

test('property: what a serialiser writes is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const text = JSON.stringify(value)
      const parsed = parse(text)
      assert.ok(parsed.ok)
      assert.deepEqual(parsed.value, JSON.parse(text))
    }),
  )
})

test('property: an object with a name added that it has already is refused', () => {
  const members = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 2 })), {
    minLength: 1,
    maxLength: 6,
    selector: ([name]) => name,
  })
  fc.assert(
    fc.property(members, fc.nat(), fc.jsonValue({ maxDepth: 2 }), (list, at, value) => {
      const [name] = list[at % list.length] ?? ['']
      const all = [...list, [name, value]].map(([n, v]) => `${JSON.stringify(n)}:${JSON.stringify(v)}`)
      assert.equal(parse(`{${all.join(',')}}`).ok, false)
    }),
  )
})
