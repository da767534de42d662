import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { contentsOf } from './unpack.fixture.ts'

const secret = 'a-secret-of-forty-characters-or-nearly-so'
/** Longer than a line of base64, and the secret over its end. */
const file = `# what the job of ${'the service '.repeat(3)} takes\r\nA_NAME=${secret}\r\n# and that is all of it\r\n`

const inLines = (text: string, length: number, between: string) =>
  (text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join(between)
const utf16 = (bytes: Buffer) => Buffer.from(bytes.toString('latin1'), 'utf16le')
const marked = (bytes: Buffer) => Buffer.concat([Buffer.from([0xff, 0xfe]), utf16(bytes)])
const escapes = (bytes: Buffer, lead: string) =>
  `x = "${Array.from(bytes, (byte) => lead + byte.toString(16).padStart(2, '0')).join('')}"\n`

type Encode = (bytes: Buffer) => Buffer | string

/** In which anything may stand. */
const outer: Readonly<Record<string, Encode>> = {
  base64: (bytes) => `x: ${bytes.toString('base64')}\n`,
  base64url: (bytes) => `x=${bytes.toString('base64url')}&y`,
  'base64 in lines': (bytes) => inLines(bytes.toString('base64'), 76, '\n'),
  'base64 in lines of Windows': (bytes) => inLines(bytes.toString('base64'), 64, '\r\n'),
  'base64 in lines of a string': (bytes) => `{"x":"${inLines(bytes.toString('base64'), 76, '\\n')}\\n"}`,
  'base64 behind an escape': (bytes) => String.raw`{"x":"in\n${bytes.toString('base64')}\n"}`,
  'base64 behind %3D': (bytes) => `/cb?to=a%3D${bytes.toString('base64url')}%26`,
  hex: (bytes) => `x='${bytes.toString('hex')}'\n`,
  'HEX in lines': (bytes) => inLines(bytes.toString('hex').toUpperCase(), 60, '\n'),
  'hex behind an escape': (bytes) => String.raw`"in\n${bytes.toString('hex')}"`,
  gzip: (bytes) => gzipSync(bytes),
}

/** Of which some are of a text alone. */
const inner: Readonly<Record<string, Encode>> = {
  ...outer,
  'UTF-16': utf16,
  'UTF-16 of the other order': (bytes) => utf16(bytes).swap16(),
  'UTF-16 with its mark': marked,
  'UTF-16 of the other order with its mark': (bytes) => marked(bytes).swap16(),
  'UTF-8 with its mark': (bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]),
  'escapes in hex': (bytes) => escapes(bytes, '\\x'),
  'escapes of an address': (bytes) => escapes(bytes, '%'),
  'escapes of JSON': (bytes) => escapes(bytes, '\\u00'),
}

const isText = (bytes: Buffer) => !bytes.some((byte) => byte === 0 || byte > 0x7e)

/** UTF-16 of what is no text is nothing; of escapes and text one may be in the other. */
function pairs(): [name: string, bytes: Buffer][] {
  return Object.entries(inner).flatMap(([within, encode]) =>
    Object.entries(inner).flatMap(([around, wrap]): [string, Buffer][] => {
      const plain = Buffer.from(encode(Buffer.from(file)))
      if (!(around in outer) && !isText(plain)) return []
      return [[`${around} of ${within}`, Buffer.from(wrap(plain))]]
    }),
  )
}

test('what is encoded twice is found, in whatever two ways', async () => {
  const all = pairs()
  assert.ok(all.length > 250, String(all.length))
  const lost: string[] = []
  for (const [name, bytes] of all) {
    const contents = await contentsOf('f', bytes)
    if (!contents.some((one) => one.bytes.includes(secret))) lost.push(name)
  }
  // A line of hex is as long as a digest, of which there are so many that some begin as gzip does.
  assert.deepEqual(lost, ['HEX in lines of gzip'])
})

test('escapes of UTF-16 are read', async () => {
  for (const bytes of [utf16(Buffer.from(file)), marked(Buffer.from(file)).swap16()])
    for (const lead of ['\\x', '%', '\\u00']) {
      const contents = await contentsOf('f', Buffer.from(escapes(bytes, lead)))
      assert.ok(contents.some((one) => one.bytes.includes(secret)))
    }
})
