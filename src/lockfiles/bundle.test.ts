import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../lib/any-character.fixture.ts'
import { MayflyError } from '../lib/index.ts'
import { packLockfiles, unpackLockfiles } from './bundle.ts'
import { pinsOf } from './pins.ts'
import { readLockfiles } from './read.ts'

test('what is packed is what comes out, whatever stands in it', () => {
  const file = fc.record(
    { path: fc.string({ unit: anyCharacter }), text: fc.string({ unit: anyCharacter }) },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.array(file, { maxLength: 5 }), (files) => {
      assert.deepEqual(unpackLockfiles(packLockfiles(files)), files)
    }),
  )
})

test('a bundle that is not as its head says is refused', () => {
  for (const bundle of [
    '',
    '{}',
    '[]x',
    '[1]\n',
    '[{"path":"a","chars":2}]\nx',
    '[{"path":"a","chars":1}]\nxx',
    '[{"path":"a","chars":-1}]\n',
    '[{"path":"a","chars":1.5}]\nx',
    '[{"path":1,"chars":1}]\nx',
    '[{"chars":1}]\nx',
    'null\n',
  ])
    assert.throws(
      () => unpackLockfiles(bundle),
      (error) => error instanceof MayflyError && error.code === 'bad_input',
      bundle,
    )
})

test('several lockfiles pin together, each with its own digest', () => {
  const lock = (name: string) =>
    JSON.stringify({
      lockfileVersion: 3,
      packages: { [`node_modules/${name}`]: { version: '1.0.0', integrity: `sha512-${name}` } },
    })
  const pins = pinsOf(
    readLockfiles([
      { path: 'package-lock.json', text: lock('a') },
      { path: 'web/package-lock.json', text: lock('b') },
    ]),
  )
  assert.deepEqual(
    pins.files.map(({ path, packages }) => [path, packages]),
    [
      ['package-lock.json', 1],
      ['web/package-lock.json', 1],
    ],
  )
  assert.ok(pins.has('npm', 'a') && pins.has('npm', 'b') && !pins.has('pypi', 'a'))
  assert.equal(pins.packages, 2)
  assert.notEqual(pins.digest, pins.files[0]?.sha256)
})
