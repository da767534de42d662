import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createKeywordSearch } from './keywords.ts'

function found(keywords: readonly string[], bytes: Uint8Array): string[] {
  const all: string[] = []
  createKeywordSearch(keywords).search(bytes, (keyword, end) => all.push(`${keyword} ${end}`))
  return all.sort()
}

function foundPlainly(keywords: readonly string[], bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  const all: string[] = []
  keywords.forEach((keyword, number) => {
    for (let at = text.indexOf(keyword); at !== -1; at = text.indexOf(keyword, at + 1))
      all.push(`${number} ${at + keyword.length}`)
  })
  return all.sort()
}

const letters = fc.constantFrom('a', 'b', 'A', 'c', '-')

test('every keyword is found at every place, whatever its case', () => {
  const keyword = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(
      fc.uniqueArray(keyword, { minLength: 1, maxLength: 6 }),
      fc.string({ unit: letters, maxLength: 80 }),
      fc.constantFrom(1, 60),
      (keywords, text, times) => {
        const bytes = Buffer.from(text.repeat(times))
        assert.deepEqual(found(keywords, bytes), foundPlainly(keywords, bytes))
      },
    ),
    { numRuns: 300 },
  )
})

test('nothing is lost or told twice where stretches and blocks meet', () => {
  const keywords = ['keyword', 'word', 'abcdefghijkl']
  for (const length of [131_071, 131_072, 131_075, 300_001]) {
    const bytes = Buffer.alloc(length, 'x')
    const eighth = Math.floor(Math.min(length, 131_072) / 8)
    const edges = Array.from({ length: 7 }, (_, i) => eighth * (i + 1) - i)
    for (const place of [0, ...edges, 131_072 - 4, length - 7])
      bytes.write('kEyWord', Math.min(place, length - 7))
    bytes.write('ABCDEFGHIJKL', 131_072 - 30)
    assert.deepEqual(found(keywords, bytes), foundPlainly(keywords, bytes))
    // Every byte is a hit.
    const all = Buffer.alloc(length, 'a')
    assert.equal(found(['a', 'aaa'], all).length, length * 2 - 2)
  }
})

test('who is told of a keyword may search something else meanwhile', () => {
  const search = createKeywordSearch(['abc'])
  const ends: number[] = []
  search.search(Buffer.from('abc.abc'), (_, end) => {
    ends.push(end)
    if (ends.length === 1) search.search(Buffer.from('.....abc'), (_, inner) => ends.push(inner))
  })
  assert.deepEqual(ends, [3, 8, 7])
})

test('bytes beyond ASCII are no letters', () => {
  assert.deepEqual(found(['k-k'], Buffer.from([0x6b, 0x2d, 0xcb, 0x4b, 0x2d, 0x6b])), ['0 6'])
})
