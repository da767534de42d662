import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateSlug, isReserved, SLUG_PATTERN } from '../src/slug.js'

const pattern = new RegExp(SLUG_PATTERN)

test('generated slugs are valid, distinct and unambiguous', () => {
  const slugs = Array.from({ length: 1000 }, () => generateSlug())
  assert.equal(new Set(slugs).size, slugs.length)
  for (const slug of slugs) {
    assert.match(slug, pattern)
    assert.doesNotMatch(slug, /[0OIl]/)
  }
})

test('the pattern refuses what could be mistaken for another path', () => {
  for (const slug of ['', 'a', '-ab', '_ab', 'a/b', 'a.b', 'a b', '__proto__', 'ab\n', 'a'.repeat(65)])
    assert.doesNotMatch(slug, pattern, JSON.stringify(slug))
  for (const slug of ['ab', 'Q3-plan', '2026_roadmap', 'a'.repeat(64)]) assert.match(slug, pattern)
})

test('paths of the service are reserved, whatever their case', () => {
  for (const slug of ['api', 'API', 'healthz', 'readyz']) assert.ok(isReserved(slug))
  assert.ok(!isReserved('apis'))
})
