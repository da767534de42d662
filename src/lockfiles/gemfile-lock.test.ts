import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../lib/index.ts'
import { integrityOfHex } from './integrity.ts'
import { pinsOf } from './pins.ts'
import { readLockfiles } from './read.ts'

const read = (text: string) => pinsOf(readLockfiles([{ path: 'a/Gemfile.lock', text }]))
const hex = 'ab'.repeat(32)
const good = `GIT
  remote: https://git.example.com/octo/forked.git
  revision: abc
  specs:
    forked (1.0.0)

PATH
  remote: .
  specs:
    own (0.1.0)
      rake (~> 13)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.15.0-x86_64-linux)
      racc (~> 1.4)
    rake (13.0.6)

PLATFORMS
  x86_64-linux

DEPENDENCIES
  rake (~> 13)

CHECKSUMS
  nokogiri (1.15.0-x86_64-linux) sha256=${hex}
  rake (13.0.6)

BUNDLED WITH
   2.6.0
`

test('Gemfile.lock: gems of registries by version and platform, with their checksums where there are some', () => {
  for (const text of [good, good.replaceAll('\n', '\r\n')]) {
    const pins = read(text)
    assert.equal(pins.packages, 2)
    assert.deepEqual(pins.of('gem', 'nokogiri', '1.15.0-x86_64-linux'), [
      {
        ecosystem: 'gem',
        name: 'nokogiri',
        version: '1.15.0-x86_64-linux',
        integrity: integrityOfHex('sha256', hex),
      },
    ])
    assert.deepEqual(pins.of('gem', 'rake', '13.0.6')[0], {
      ...{ ecosystem: 'gem', name: 'rake', version: '13.0.6', integrity: '', byRegistry: true },
    })
    assert.deepEqual(pins.outside, [{ name: 'forked', kind: 'git', host: 'git.example.com' }])
  }
})

test('Gemfile.lock: what is none says so, and nothing hostile is read out of it', () => {
  assert.throws(() => read('x'), { code: 'bad_input', message: /run bundle lock/ })
  assert.throws(() => read(good.replace('DEPENDENCIES', '<<<<<<< HEAD\nDEPENDENCIES')), { message: /merge/ })
  const odd = good.replaceAll('rake (13.0.6)', 'rake (../13)').replace('sha256=', 'md5=')
  const pins = read(odd)
  assert.equal(pins.packages, 1)
  assert.deepEqual(
    pins.gaps.map(({ entry }) => entry),
    [`nokogiri (1.15.0-x86_64-linux) md5=${hex}`, 'rake (../13)'],
  )
  const [unread] = pins.of('gem', 'nokogiri', '1.15.0-x86_64-linux')
  assert.deepEqual([unread?.integrity, unread?.byRegistry], ['', undefined])
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...good.split('\n'), '__proto__', '    __proto__ (1.0)', '\0'), {
        maxLength: 20,
      }),
      (lines) => {
        try {
          read(lines.join('\n'))
        } catch (error) {
          if (!(error instanceof MayflyError)) throw error
        }
      },
    ),
  )
})
