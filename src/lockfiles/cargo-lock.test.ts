import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../lib/index.ts'
import { integrityOfHex } from './integrity.ts'
import { pinsOf } from './pins.ts'
import { readLockfiles } from './read.ts'

const read = (text: string) => pinsOf(readLockfiles([{ path: 'a/Cargo.lock', text }]))
const hex = 'ab'.repeat(32)
const cratesIo = 'registry+https://github.com/rust-lang/crates.io-index'

test('Cargo.lock: names in lower case, checksums as digests; folders are none, and Git is told', () => {
  const pins = read(`
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["Inflector"]

[[package]]
name = "Inflector"
version = "0.11.4"
source = "${cratesIo}"
checksum = "${hex}"

[[package]]
name = "inner"
version = "1.0.0"
source = "sparse+https://crates.example.com/index/"

[[package]]
name = "forked"
version = "1.0.0"
source = "git+https://git.example.com/octo/forked?rev=abc#abc"
`)
  assert.deepEqual(pins.of('cargo', 'inflector', '0.11.4'), [
    {
      ...{ ecosystem: 'cargo', name: 'inflector', version: '0.11.4' },
      file: 'Inflector-0.11.4.crate',
      ...{ resolved: cratesIo.slice('registry+'.length), integrity: integrityOfHex('sha256', hex) },
    },
  ])
  assert.deepEqual(
    pins.of('cargo', 'inner', '1.0.0').map(({ resolved, integrity }) => [resolved, integrity]),
    [['https://crates.example.com/index/', '']],
  )
  assert.equal(pins.has('cargo', 'app'), false)
  assert.deepEqual(pins.outside, [{ name: 'forked', kind: 'git', host: 'git.example.com' }])
})

test('Cargo.lock of the first version has its checksums at the end', () => {
  const pins = read(`
[[package]]
name = "words"
version = "1.0.0"
source = "${cratesIo}"

[metadata]
"checksum words 1.0.0 (${cratesIo})" = "${hex}"
`)
  assert.equal(pins.of('cargo', 'words', '1.0.0')[0]?.integrity, integrityOfHex('sha256', hex))
})

test('Cargo.lock: what is none says so; hostile keys do nothing', () => {
  assert.throws(() => read('x = ['), { code: 'bad_input', message: /Cargo\.lock cannot be read/ })
  assert.throws(() => read('x = 1'), { code: 'bad_input', message: /has no packages/ })
  assert.equal(read('package = [{ __proto__ = { name = "a" } }, 1, "x"]').packages, 0)
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('[[package]]\n', 'name = "a"\n', 'source = ', '[', '"', '\n', '{', '\0'),
        maxLength: 30,
      }),
      (text) => {
        try {
          read(text)
        } catch (error) {
          if (!(error instanceof MayflyError)) throw error
        }
      },
    ),
  )
})
