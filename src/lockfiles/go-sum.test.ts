import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../lib/index.ts'
import { pinsOf } from './pins.ts'
import { readLockfiles } from './read.ts'

const read = (text: string, path = 'go.sum') => pinsOf(readLockfiles([{ path, text }]))
const h1 = (letter: string) => `h1:${letter.repeat(43)}=`

test('go.sum: a version’s files and its go.mod are two pins; other hashes are passed over', () => {
  const pins = read(
    `golang.org/x/text v0.3.0 ${h1('a')}\ngolang.org/x/text v0.3.0/go.mod ${h1('b')}\r\n\nx.y/z v1.0.0 h2:abc\nx.y/z v1.0.0+incompatible/go.mod ${h1('c')}\n`,
    'tools/go.work.sum',
  )
  assert.deepEqual(
    pins.of('golang', 'golang.org/x/text', 'v0.3.0').map(({ file, integrity }) => [file, integrity]),
    [
      ['zip', `h1-${'a'.repeat(43)}=`],
      ['go.mod', `h1-${'b'.repeat(43)}=`],
    ],
  )
  assert.deepEqual(pins.of('golang', 'x.y/z', 'v1.0.0'), [])
  assert.equal(pins.of('golang', 'x.y/z', 'v1.0.0+incompatible')[0]?.file, 'go.mod')
  assert.equal(pins.packages, 2)
})

test('go.sum: a line that is none says where it is', () =>
  assert.throws(() => read(`a.b/c v1.0.0 ${h1('a')}\na.b/c v1.0.0\n`), {
    code: 'bad_input',
    message: /line 2/,
  }))

test('go.sum: any text is read, or refused in a sentence', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('a.b/c', ' ', '\n', 'v1', '/go.mod', h1('a'), '\0', '__proto__'),
        maxLength: 40,
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
