import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPublication } from './publish-body.ts'

function bodyOf(json: string): Buffer {
  const [about, crate] = [Buffer.from(json), Buffer.from('crate')]
  const [one, two] = [Buffer.alloc(4), Buffer.alloc(4)]
  one.writeUInt32LE(about.length)
  two.writeUInt32LE(crate.length)
  return Buffer.concat([one, about, two, crate])
}

test('a registry in Go would read another name, so it is refused', () => {
  for (const more of ['"Name":"other"', '"VERS":"2.0.0"'])
    assert.match(String(readPublication(bodyOf(`{"name":"a","vers":"1.0.0",${more}}`))), /two ways/)
  const features = '"features":{"A":[],"a":[],"Name":[]}'
  assert.equal(typeof readPublication(bodyOf(`{"name":"a","vers":"1.0.0",${features}}`)), 'object')
})
