import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createWholeLines } from './whole-lines.ts'

test('what goes in comes out, in whole lines until it is asked for the rest', () => {
  const chunks = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r'), maxLength: 6 }))
  fc.assert(
    fc.property(chunks, (texts) => {
      const lines = createWholeLines()
      const parts = texts.map((text) => lines.add(Buffer.from(text)).toString())
      for (const part of parts) assert.match(part, /^$|[\n\r]$/)
      assert.equal(parts.join('') + lines.rest().toString(), texts.join(''))
      assert.equal(lines.rest().length, 0)
    }),
  )
})

test('a line that does not end is passed on in parts, and what is kept is a copy', () => {
  const lines = createWholeLines()
  assert.equal(lines.add(Buffer.alloc(200_000, 'x')).length, 200_000)
  const chunk = Buffer.from('ab')
  assert.equal(lines.add(chunk).length, 0)
  chunk.fill('z')
  assert.equal(lines.rest().toString(), 'ab')
})
