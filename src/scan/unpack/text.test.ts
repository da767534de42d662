import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentsOf, inChunks, inPieces } from './unpack.fixture.ts'

test('a text is visited as it is, and each place in it is known', async () => {
  const [content, ...more] = await contentsOf('a.txt', Buffer.from('one\nzwö €😀x\nthree'))
  assert.deepEqual(more, [])
  assert.ok(content !== undefined && !content.isBinary)
  const at = (text: string) => content.position(content.bytes.indexOf(text))
  assert.deepEqual(at('one'), { line: 1, column: 1, offset: 0 })
  assert.deepEqual(at('x'), { line: 2, column: 8, offset: 16 })
  assert.deepEqual(at('three'), { line: 3, column: 1, offset: 18 })
})

test('the mark in front of a text is no character of its line; one within is', async () => {
  const [content] = await contentsOf('a.txt', Buffer.from('\ufeffK=x\n\ufeffy'))
  assert.ok(content !== undefined)
  assert.deepEqual(content.position(content.bytes.indexOf('x')), { line: 1, column: 3, offset: 5 })
  assert.equal(content.position(content.bytes.indexOf('y')).column, 2)
})

test('the columns of a line of megabytes are right, and quickly found', async () => {
  const [content] = await contentsOf('min.js', Buffer.alloc(4_000_000, 'é'))
  for (let i = 0; i < 20_000; i++)
    assert.equal(content?.position(((i * 7_919) % 2_000_000) * 2).column, ((i * 7_919) % 2_000_000) + 1)
})

test('what has a NUL in the beginning is binary', async () => {
  const [content] = await contentsOf('a', Buffer.from('ab\0c\n\nd'))
  assert.equal(content?.isBinary, true)
  assert.deepEqual(content?.position(6), { line: 1, column: 7, offset: 6 })
})

for (const [name, encode] of [
  ['little', (text: string) => Buffer.from(text, 'utf16le')],
  ['big', (text: string) => Buffer.from(text, 'utf16le').swap16()],
] as const)
  for (const mark of ['', '\ufeff'])
    test(`UTF-16, ${name} end first, ${mark === '' ? 'without' : 'with'} its mark, is decoded; so are pieces of it`, async () => {
      const text = `key = value\nzwei €\n`
      const plain = encode(mark + text)
      for (const input of [plain, inChunks(plain, 1)]) {
        const all = await contentsOf('a.reg', input)
        const decoded = all.find((one) => one.decoded.includes('utf-16'))
        assert.equal(decoded?.bytes.toString(), text)
        assert.equal(decoded?.isBinary, false)
        assert.deepEqual(decoded?.position(decoded.bytes.indexOf('€')).line, 2)
        assert.deepEqual(decoded?.position(decoded.bytes.indexOf('€')).column, 6)
        assert.equal(
          all.find((one) => one.decoded.length === 0)?.bytes.toString('latin1'),
          plain.toString('latin1'),
        )
      }
    })

test('a text that only begins like UTF-16, or goes on in ASCII, is seen as the text that it is, and decoded', async () => {
  const encoded = Buffer.from('a text of more than twenty letters').toString('base64')
  for (const head of [Buffer.from('\xff\xfe', 'latin1'), Buffer.from('\ufeffkey = value\n', 'utf16le')]) {
    const all = await contentsOf('a', Buffer.concat([head, Buffer.from(`token=abc\nx=${encoded}\n`)]))
    const asItIs = all.find(({ bytes, decoded }) => decoded.length === 0 && bytes.includes('token=abc'))
    assert.equal(asItIs?.isBinary, false)
    assert.ok(
      all.some(({ bytes, decoded }) => decoded.join() === 'base64' && bytes.includes('twenty letters')),
    )
  }
})

test('a text to which PowerShell added lines in UTF-16 is seen whole, whatever stands before', async () => {
  const added = Buffer.from('token = abc\r\n', 'utf16le')
  for (const lines of [10, 499, 501, 5_000, 400_000]) {
    const bytes = Buffer.concat([Buffer.from('plain text line\n'.repeat(lines)), added])
    for (const input of [bytes, inChunks(bytes, 65_536)]) {
      const all = await contentsOf('a.log', input)
      const wide = all.filter((one) => one.decoded.join() === 'utf-16' && one.bytes.includes('token = abc'))
      assert.equal(wide.length, 1, `${lines}`)
      const [one] = wide
      assert.equal(one?.position(one.bytes.indexOf('token')).offset, 16 * lines)
    }
  }
})

test('in pieces of a long text each byte is in one, with what is around it, and its place is right', async () => {
  const line = `${'x'.repeat(99)}\n`
  const bytes = Buffer.from(line.repeat(130_000))
  for (const input of [inChunks(bytes, 65_536), inChunks(bytes, 5_000_000), bytes]) {
    const pieces = await inPieces('long', input, 1_000)
    assert.ok(pieces.length >= 3)
    let next = 0
    for (const piece of pieces) {
      const start = piece.start.offset
      assert.equal(start + piece.from, next)
      next = start + piece.to
      assert.ok(piece.from === 1_000 || start === 0)
      assert.ok(piece.length - piece.to === 1_000 || next === bytes.length)
      assert.deepEqual(piece.start, {
        offset: start,
        line: Math.floor(start / 100) + 1,
        column: (start % 100) + 1,
      })
    }
    assert.equal(next, bytes.length)
  }
})

test('an input that breaks off for a reason of the system is said, and what came before is seen', async () => {
  async function* broken() {
    yield Buffer.from('before')
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
  }
  const unseen: string[] = []
  const all = await contentsOf('a', broken(), { unseen: ({ code }) => void unseen.push(code) })
  assert.deepEqual(
    all.map(({ bytes }) => bytes.toString()),
    ['before'],
  )
  assert.deepEqual(unseen, ['unreadable'])
})

test('what the visitor throws is thrown', async () => {
  const failure = new Error('of the visitor')
  await assert.rejects(
    contentsOf('a', Buffer.from('x'), {
      visit: () => {
        throw failure
      },
    }),
    failure,
  )
})
