import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPublication } from './publish-document.ts'

function read(manifest: object) {
  const document = {
    name: 'a',
    versions: { '1.0.0': { name: 'a', version: '1.0.0', ...manifest } },
    'dist-tags': { latest: '1.0.0' },
    _attachments: { 'a-1.0.0.tgz': { data: 'x' } },
  }
  return readPublication({ json: JSON.stringify(document), placeholder: 'x', files: 1 }, 'a')
}

test('a registry in Go would read another name, so it is refused', () => {
  for (const manifest of [{ Name: 'other' }, { VERSION: '2.0.0' }, { Deprecated: 'x' }])
    assert.match(String(read(manifest)), /two ways/)
  assert.equal(typeof read({ config: { Name: 'x', name: 'y' } }), 'object')
})
