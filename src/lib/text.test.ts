import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from './any-character.fixture.ts'
import { escapeUnseen, isVisible, shown } from './index.ts'

const unseen = [
  '\0',
  '\n',
  '\u001b',
  '\u007f',
  '\u0085',
  '\u00a0',
  '\u00ad',
  '\u034f',
  '\u115f',
  '\u200b',
  '\u200d',
]
const more = [
  '\u2028',
  '\u202e',
  '\u2066',
  '\u2800',
  '\u3000',
  '\u3164',
  '\ufe0f',
  '\ufeff',
  '\ud800',
  '\ue000',
  '\u{e0041}',
]

for (const char of [...unseen, ...more])
  test(`U+${char.codePointAt(0)?.toString(16)} is not seen, and is escaped`, () => {
    assert.equal(isVisible(`a${char}b`), false)
    assert.match(escapeUnseen(`a${char}b`), /^a(?:\\u[0-9a-f]{4})+b$/)
  })

test('letters of every script, marks, numbers, punctuation and signs are seen', () => {
  for (const text of ['größe', 'ветка', '分支', 'שלום', '١٢', 'e\u0301', 'a b', '!#$%&"', '€', '😀']) {
    assert.equal(isVisible(text), true, text)
    assert.equal(escapeUnseen(text), text)
  }
})

test('what is shown to who decides tells a look-alike from the real one', () => {
  assert.equal(shown('refs/heads/main'), 'refs/heads/main')
  assert.equal(shown('refs/heads/m\u0430in'), 'refs/heads/m\u0430in (refs/heads/m\\u0430in)')
  assert.equal(shown('a\u202eb'), 'a\\u202eb')
})

test('property: what is escaped can be seen, and as JSON is read back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (text) => {
      assert.ok(isVisible(escapeUnseen(text)))
      assert.equal(JSON.parse(escapeUnseen(JSON.stringify(text))), text)
    }),
  )
})
