import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import type { Content } from './model.ts'
import { contentsOf, inChunks, unseenOf, zipOf } from './unpack.fixture.ts'

const secret = 'a secret of forty characters, or nearly so'
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

/** The content in which the text is, decoded so. */
async function found(text: Buffer | string, wanted: string, ...decoded: string[]): Promise<Content> {
  const all = await contentsOf('f', Buffer.from(text))
  const content = all.find((one) => one.decoded.join() === decoded.join() && one.bytes.includes(wanted))
  assert.ok(
    content !== undefined,
    all.map((one) => `${one.decoded.join()}: ${one.bytes.toString()}`).join('\n'),
  )
  return content
}

const lineAndColumn = (content: Content, text: string) => {
  const { line, column } = content.position(content.bytes.indexOf(text))
  return { line, column }
}

test('base64 in a text is decoded, with the name that it has, and its place is known', async () => {
  const text = `data:\n  password: "${base64(secret)}"\n`
  const content = await found(text, `password: "${secret}"\n`, 'base64')
  assert.deepEqual(lineAndColumn(content, 'password'), { line: 2, column: 3 })
  assert.deepEqual(lineAndColumn(content, secret), { line: 2, column: 14 })
  const inside = content.position(content.bytes.indexOf('forty'))
  // Four characters for three bytes.
  assert.equal(inside.column, 14 + Math.floor((secret.indexOf('forty') * 4) / 3))
})

for (const [what, encoded] of [
  ['without padding', base64(secret).replaceAll('=', '')],
  ['for addresses', Buffer.from(`${secret}???>>>`).toString('base64url')],
  ['behind a path', `/v1/things/${base64(secret)}`],
  ['behind a word with a dash', `some-name_of-it-${base64(secret)}`],
  ['in an address', `https://example.com/x?q=${base64(secret)}&y=z`],
] as const)
  test(`base64 ${what} is decoded`, async () => {
    await found(`x = ${encoded}\n`, secret, 'base64')
  })

test('hex is decoded', async () => {
  const hex = Buffer.from(secret).toString('hex')
  for (const text of [hex, hex.toUpperCase(), `0x${hex}`]) {
    const content = await found(`\nkey='${text}'`, secret, 'hex')
    assert.equal(lineAndColumn(content, secret).line, 2)
  }
  await found(`key='${hex}'`, `key='${secret}'`, 'hex')
})

const escaped = (as: (code: number) => string) => Array.from(Buffer.from(secret), as).join('')
const hexOf = (code: number) => code.toString(16).padStart(2, '0')

for (const [what, text] of [
  ['addresses', escaped((code) => `%${hexOf(code)}`)],
  ['addresses, upper case', escaped((code) => `%${hexOf(code).toUpperCase()}`)],
  ['C', escaped((code) => `\\x${hexOf(code)}`)],
  ['JSON', escaped((code) => `\\u00${hexOf(code)}`)],
  ['JSON in JSON', escaped((code) => `\\\\u00${hexOf(code)}`)],
  ['HTML', escaped((code) => `&#${code};`)],
  ['HTML, in hex', escaped((code) => `&#x${hexOf(code)};`)],
  ['several languages', escaped((code) => (code % 2 === 0 ? `\\x${hexOf(code)}` : `%${hexOf(code)}`))],
] as const)
  test(`escapes of ${what} are decoded, wherever they stand, with the name that they have`, async () => {
    for (let shift = 0; shift < 130; shift += 7) {
      const content = await found(`${'x '.repeat(shift)}\nkey = "${text}"\n`, `key = "${secret}"`, 'escapes')
      assert.deepEqual(lineAndColumn(content, secret), { line: 2, column: 8 })
      const { offset } = content.position(content.bytes.indexOf('forty'))
      const per = text.length / secret.length
      assert.ok(
        Math.abs(offset - (2 * shift + 8 + per * secret.indexOf('forty'))) <= secret.length,
        `${offset}`,
      )
    }
  })

test('fewer escapes in a row, those of a program and of other languages are left as they are', async () => {
  const few = escaped((code) => `%${hexOf(code)}`).slice(0, 19 * 3)
  const text = [
    ...[`q=${few}`, '\\x31\\xc0\\x50\\x68'.repeat(40), encodeURIComponent('パスワードパスワードパスワード')],
    ...['%'.repeat(200), '\\'.repeat(201), '&#'.repeat(100), '&#9999;'.repeat(40), '\\u30d1'.repeat(50)],
  ].join('\n')
  const all = await contentsOf('f', Buffer.from(text))
  assert.deepEqual(
    all.map(({ decoded }) => decoded.join()),
    [''],
  )
})

test('escapes across the pieces of a long text are found once', async () => {
  const line = `${'filler '.repeat(20)}\n`
  const near = line.repeat(Math.floor(4_194_000 / line.length))
  for (let shift = 0; shift < 400; shift += 57) {
    const text = `${near}${' '.repeat(shift)}${escaped((code) => `\\x${hexOf(code)}`)}\n${line.repeat(40_000)}`
    let count = 0
    await unseenOf('f', inChunks(Buffer.from(text), 1_000_000), {
      overlap: 1_000,
      visit: (content) => {
        if (content.decoded.length > 0) count += content.bytes.toString('latin1').split(secret).length - 1
      },
    })
    assert.equal(count, 1, `${shift}`)
  }
})

for (const [what, as] of [
  ['base64', base64],
  ['hex', (text: string) => Buffer.from(text).toString('hex')],
  [
    'a run of escapes',
    (text: string) => Array.from(Buffer.from(text), (code) => `\\x${hexOf(code)}`).join(''),
  ],
  ['a run of escapes', (text: string) => Array.from(Buffer.from(text), (code) => `%${hexOf(code)}`).join('')],
] as const)
  test(`${what} that goes on behind the piece in which it begins is told, and what ends in it is not`, async () => {
    const line = `${'filler '.repeat(20)}\n`
    const near = line.repeat(Math.floor(4_194_000 / line.length))
    const rest = `\n${line.repeat(40_000)}`
    const whyOf = async (text: string) => {
      const { unseen } = await unseenOf('f', Buffer.from(`${near}${as(text)}${rest}`), { overlap: 1_000 })
      return unseen.map(({ code, why }) => `${code}: ${why}`)
    }
    const why = `limit: ${what} in it is longer than is decoded at once, and was not looked into`
    // At any of an escape's bytes the piece may end.
    for (let extra = 0; extra < 4; extra++)
      assert.deepEqual(await whyOf(secret.repeat(100).slice(extra)), [why], `${extra}`)
    assert.deepEqual(await whyOf(secret), [])
  })

test('base64 in lines is one text, and places in it are right', async () => {
  const long = Array.from({ length: 20 }, (_, i) => `line ${i} of a long text`).join('\n')
  for (const [indent, end] of [
    ['    ', '\n'],
    ['', '\r\n'],
  ] as const) {
    const lines = base64(long).match(/.{1,76}/g) ?? []
    const text = `key: |${end}${lines.map((line) => indent + line).join(end)}${end}next: x`
    const content = await found(text, long, 'base64')
    const at = long.indexOf('line 15')
    const character = Math.floor((at * 4) / 3)
    assert.deepEqual(lineAndColumn(content, 'line 15'), {
      line: 2 + Math.floor(character / 76),
      column: 1 + indent.length + (character % 76),
    })
  }
})

test('base64 in base64 is decoded three times, and no more', async () => {
  const three = base64(base64(base64(secret)))
  const content = await found(`a\nb: ${three}`, secret, 'base64', 'base64', 'base64')
  assert.deepEqual(lineAndColumn(content, secret), { line: 2, column: 4 })
  const all = await contentsOf('f', Buffer.from(base64(three)))
  assert.ok(!all.some(({ bytes }) => bytes.includes(secret)))
})

test('what is packed in base64 is unpacked, and stands where the base64 stands', async () => {
  const release = base64(base64(gzipSync(`{"key":"${secret}"}`)))
  const content = await found(`kind: Secret\nrelease: ${release}\n`, secret, 'base64', 'base64')
  assert.deepEqual(lineAndColumn(content, secret), { line: 2, column: 10 })
  const zip = base64(zipOf({ 'a.txt': secret }))
  const all = await contentsOf('f', Buffer.from(`\n\n"${zip}"`))
  const member = all.find(({ name }) => name === 'f!a.txt')
  assert.equal(member?.bytes.toString(), secret)
  assert.deepEqual(member?.position(10).line, 3)
})

test('a command of PowerShell, UTF-16 in base64, is decoded', async () => {
  await found(`powershell -enc ${base64(Buffer.from(`$t = "${secret}"`, 'utf16le'))}`, secret, 'base64')
})

test('base64 of a text that begins with letters of other languages is decoded', async () => {
  for (const line of [
    '# パスワード',
    '# Zugänge für ürgendöinen',
    'пароль для сервера: ',
    '🔑🔑🔑🔑🔑',
    '密码密码密码密码',
  ])
    await found(`data: ${base64(`${line}\n${secret}`)}\n`, secret, 'base64')
})

test('what is no text in base64 is left as it is: hashes, names, pictures', async () => {
  const hash = Buffer.from('f1d2d2f924e986ac86fdf7b36c94bcdf32beec15f1d2d2f924e986ac86fdf7b3', 'hex')
  const text = [
    `integrity sha512-${hash.toString('base64')}`,
    hash.toString('hex'),
    'aVeryLongNameOfAFunctionThatDoesSomething(anotherVeryLongNameOfAnArgument)',
    'src/components/some/folder/with/many/parts/index',
    '3f2504e0-4f89-11d3-9a0c-0305e82c3301',
    deflateSync(Buffer.alloc(500, 7)).toString('base64'),
    '1'.repeat(64),
    'A'.repeat(200),
    'abcdef'.repeat(30),
  ].join('\n')
  const all = await contentsOf('f', Buffer.from(text))
  assert.deepEqual(
    all.map(({ decoded }) => decoded),
    [[]],
  )
})

test('texts of UTF-16 in a program are found', async () => {
  const program = Buffer.concat([
    Buffer.from('MZ\0\0\x90', 'latin1'),
    Buffer.alloc(101, 0xcc),
    Buffer.from(secret, 'utf16le'),
    Buffer.alloc(40, 0xcc),
  ])
  const content = await found(program, `${secret}\n`, 'utf-16')
  assert.equal(content.position(content.bytes.indexOf('forty')).offset, 106 + 2 * secret.indexOf('forty'))
})

const notebook = JSON.stringify(
  {
    cells: [
      { cell_type: 'markdown', metadata: {}, source: ['# Title\n', 'text'] },
      {
        cell_type: 'code',
        metadata: { source: 'of metadata' },
        outputs: [
          { output_type: 'stream', name: 'stdout', text: ['first\n', `printed "${secret}"\n`] },
          { output_type: 'display_data', data: { 'text/plain': 'plain', 'image/png': 'iVBORw0KGgo=' } },
        ],
        source: ['key = """-----BEGIN\n', 'second line\\n\n', `\u00fcber "${secret}"`],
      },
    ],
    metadata: {},
    nbformat: 4,
  },
  undefined,
  1,
)

test('the cells of a notebook and what they put out are texts, and places in them those of the file', async () => {
  const all = await contentsOf('a.ipynb', Buffer.from(notebook))
  assert.equal(all[0]?.bytes.toString(), notebook)
  const cells = all.filter(({ decoded }) => decoded.length > 0)
  assert.deepEqual(
    cells.map(({ name, decoded }) => `${name} ${decoded.join()}`),
    ['a.ipynb cell 1', 'a.ipynb cell 2'],
  )
  assert.equal(cells[0]?.bytes.toString(), '# Title\ntext')
  const second = cells[1]?.bytes.toString() ?? ''
  assert.ok(second.includes(`key = """-----BEGIN\nsecond line\\n\n\u00fcber "${secret}"`))
  assert.ok(second.includes(`first\nprinted "${secret}"\n`) && !second.includes('iVBOR'))
  const line = notebook.slice(0, notebook.indexOf('second line')).split('\n').length
  assert.equal(cells[1]?.position(cells[1].bytes.indexOf('second line')).line, line)
})

test('a notebook that is cut off, or is none, is seen as it is', async () => {
  for (const text of [
    notebook.slice(0, 900),
    `${notebook.slice(0, 500)}\\`,
    '{"nbformat" "cells": [[[{"source": "x\\u12',
  ])
    assert.equal((await contentsOf('a.ipynb', Buffer.from(text)))[0]?.bytes.toString(), text)
})

test('a notebook that is made to have no end is seen as it is, and that its cells are not all gone through is said', async () => {
  const start = '{"nbformat":4,"cells":['
  for (const [text, why] of [
    [`{"nbformat":4,"cells":${'['.repeat(3_000_000)}`, /more than 64 deep/],
    [`${start}{"source":"x"},${'{},'.repeat(30_000)}`, /more than 20000 cells/],
    [`${start}{"source":"${String.raw`\n`.repeat(1_500_000)}"}`, /a cell of more than 400000 parts/],
  ] as const) {
    const { texts, unseen } = await unseenOf('a.ipynb', Buffer.from(text))
    assert.ok(texts['a.ipynb']?.startsWith(text.slice(0, 1_000)))
    assert.deepEqual(
      unseen.map(({ code }) => code),
      ['limit'],
    )
    assert.match(unseen[0]?.why ?? '', why)
  }
})

test('a cell in front of what is too deep was put together', async () => {
  const text = `{"nbformat":4,"cells":[{"source":["one ","${secret}"]},${'['.repeat(100)}`
  const { texts } = await unseenOf('a.ipynb', Buffer.from(text))
  assert.ok(texts['a.ipynb']?.includes(`one ${secret}`))
})

test('base64 across the pieces of a long text is found once', async () => {
  const line = `${'filler '.repeat(20)}\n`
  const near = line.repeat(Math.floor(4_194_000 / line.length))
  for (let shift = 0; shift < 400; shift += 97) {
    const bytes = Buffer.from(`${near}${' '.repeat(shift)}${base64(secret)}\n${line.repeat(40_000)}`)
    let count = 0
    const { unseen } = await unseenOf('f', inChunks(bytes, 1_000_000), {
      visit: (content) => {
        if (content.decoded.length === 0) return
        const text = content.bytes.toString('latin1', content.from, content.to)
        count += text.split(secret).length - 1
      },
    })
    assert.deepEqual(unseen, [])
    assert.equal(count, 1, `${shift}`)
  }
})

test('of what is made to be slow, megabytes are gone through in the time of a test', async () => {
  const hostile = {
    runs: `${base64('twenty-four letters here')} `.repeat(30_000),
    escapes: '%41'.repeat(600_000),
    nearly: `${'%41'.repeat(19)}%4`.repeat(30_000),
    references: '&#65'.repeat(500_000),
    slashes: 'aaaa/'.repeat(400_000),
    wrapped: `${base64('x'.repeat(57))}\n`.repeat(25_000),
    quotes: `{"nbformat":4,"cells":[{"source":["${'\\"'.repeat(900_000)}`,
    open: `{"nbformat":4,"cells":[{"source":["${'\\"","'.repeat(100_000)}`,
    zeros: Buffer.concat([Buffer.from([0]), Buffer.alloc(2_000_000, 'a\0')]),
  }
  for (const [what, text] of Object.entries(hostile))
    assert.ok(Object.values((await unseenOf('f', Buffer.from(text))).texts)[0] !== undefined, what)
})
