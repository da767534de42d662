import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillPieces, fillTemplate, seededRandom } from './templates.ts'

const fill = (template: string, seed = 1) => fillTemplate(template, seededRandom(seed))

test('the same seed gives the same text, and another one another', () => {
  assert.equal(fill('{alnum:40}'), fill('{alnum:40}'))
  assert.notEqual(fill('{alnum:40}'), fill('{alnum:40}', 2))
})

test('fillers keep to their alphabet and their length', () => {
  assert.match(fill('a={hex:8}-{HEX:4}'), /^a=[0-9a-f]{8}-[0-9A-F]{4}$/)
  assert.match(fill('{base64:50}'), /^[A-Za-z0-9+/]{50}$/)
  const lengths = new Set(Array.from({ length: 50 }, (_, seed) => fill('{digits:3-5}', seed).length))
  assert.deepEqual(lengths, new Set([3, 4, 5]))
})

test('a choice gives one of its words, and two braces are one', () => {
  assert.match(fill('{red|blue}'), /^(?:red|blue)$/)
  assert.equal(fill('${{TOKEN} {{"a":{{}}'), '${TOKEN} {"a":{}}')
})

test('what was made at random is told apart from what is written', () => {
  const pieces = fillPieces('key=ab{{{hex:4}', seededRandom(1))
  assert.deepEqual(
    pieces.map(({ isFilled }) => isFilled),
    [false, false, true],
  )
})

test('a filler that nobody knows, or of a length that nobody has, is refused', () => {
  for (const template of [
    '{nothing:3}',
    '{toString:3}',
    'a {b} c',
    '{alnum:0x10}',
    '{alnum}',
    '{alnum:9-3}',
    '{alnum:99999}',
  ])
    assert.throws(() => fill(template), { code: 'bad_input' }, template)
})

test('a brace that is left alone is refused, so that no example says something else than it seems', () => {
  assert.throws(() => fill('${'), { code: 'bad_input' })
})
