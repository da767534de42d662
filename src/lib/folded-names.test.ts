import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ambiguousName } from './folded-names.ts'

const names = { known: ['manifests', 'digest', 'mediaType'], tables: ['annotations'] }

test('a name that a reader without regard to case takes for another is found wherever it stands', () => {
  for (const amiss of [
    { Manifests: [] },
    { manifests: [], MANIFESTS: [] },
    { 'manife\u017Fts': [] },
    { a: [[{ digest: 'x' }, { Digest: 'y' }]] },
    { mediatype: 'x' },
    { other: 1, OTHER: 2 },
    { k: 1, '\u212A': 2 },
  ])
    assert.equal(typeof ambiguousName(amiss, names), 'string', JSON.stringify(amiss))
})

test('what is written as it is meant is read, and the keys of a table are its own', () => {
  for (const fine of [
    null,
    7,
    [],
    { manifests: [{ digest: 'x', mediaType: 'y' }], Other: 1 },
    { annotations: { Digest: 'x', digest: 'y', A: '1', a: '2' } },
  ])
    assert.equal(ambiguousName(fine, names), undefined, JSON.stringify(fine))
  assert.equal(typeof ambiguousName({ Annotations: {}, annotations: {} }, names), 'string')
})
