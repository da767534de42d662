import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { createMasker, formsOf } from './index.ts'
import { PatternSet } from './pattern-set.ts'

const secret = `pa's "w<o>rd&/x+Zé9\\~:tail$Q7`
const multiline = '-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\nshort\n-----END KEY-----\n'

function masker(...secrets: string[]) {
  return createMasker(secrets.map((value) => new Secret(value)))
}

/** Masks `output` in one write, and checks that every split in two and single bytes give the same. */
function mask(secrets: readonly string[], output: string | Uint8Array): string {
  const bytes = Buffer.from(output)
  const it = masker(...secrets)
  const through = (...chunks: Uint8Array[]) => {
    const stream = it.stream()
    return Buffer.concat([...chunks.map((chunk) => stream.write(chunk)), stream.end()]).toString('latin1')
  }
  const whole = through(bytes)
  for (let i = 0; i <= bytes.length; i++) {
    assert.equal(through(bytes.subarray(0, i), bytes.subarray(i)), whole, `split at ${i}`)
  }
  assert.equal(through(...Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), whole, 'one-byte writes')
  return Buffer.from(whole, 'latin1').toString()
}

const b64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const lower = (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (x) => x.toLowerCase())
const u16 = (text: string, upper = false) =>
  text.replaceAll(/[^]/g, (c) => {
    const hex = c.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${upper ? hex.toUpperCase() : hex}`
  })
const percentAll = (text: string) =>
  Array.from(Buffer.from(text), (b) => `%${b.toString(16).padStart(2, '0')}`).join('')

const forms: Record<string, string> = {
  literal: secret,
  JSON: JSON.stringify(secret).slice(1, -1),
  'JSON of PHP': JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/').replaceAll('é', '\\u00e9'),
  'JSON of Python': JSON.stringify(secret).slice(1, -1).replaceAll('é', '\\u00e9'),
  'JSON of Go': JSON.stringify(secret)
    .slice(1, -1)
    .replaceAll(/[<>&]/g, (c) => u16(c)),
  'JSON in JSON': JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1),
  'JSON, all escaped': u16(secret),
  'JSON, all escaped, upper case': u16(secret, true),
  encodeURIComponent: encodeURIComponent(secret),
  'encodeURIComponent, lower case': lower(encodeURIComponent(secret)),
  encodeURI: encodeURI(secret),
  'encodeURI, lower case': lower(encodeURI(secret)),
  form: new URLSearchParams({ a: secret }).toString().slice(2),
  'form, lower case': lower(new URLSearchParams({ a: secret }).toString().slice(2)),
  'percent, all': percentAll(secret),
  'percent, all, upper case': percentAll(secret).toUpperCase(),
  'XML, named': escapeMarkup(secret, '&apos;', '&quot;'),
  'HTML, numeric': escapeMarkup(secret, '&#39;', '&#34;'),
  'HTML, hexadecimal': escapeMarkup(secret, '&#x27;', '&quot;'),
  'XML, text only': escapeMarkup(secret, "'", '"'),
  hex: Buffer.from(secret).toString('hex'),
  'hex, upper case': Buffer.from(secret).toString('hex').toUpperCase(),
  'hex escapes': Array.from(Buffer.from(secret), (b) => `\\x${b.toString(16)}`).join(''),
  'hex with colons': hexList(':'),
  'hex with colons, upper case': hexList(':').toUpperCase(),
  'an array of C': Array.from(Buffer.from(secret), (b) => `0x${b.toString(16)}`).join(', '),
  'octal escapes': Array.from(Buffer.from(secret), (b) => `\\${b.toString(8).padStart(3, '0')}`).join(''),
  'numbers of JSON': [...Buffer.from(secret)].join(','),
  'numbers of Python': [...Buffer.from(secret)].join(', '),
  'HTML, every character': Array.from(secret, (c) => `&#${c.codePointAt(0)};`).join(''),
  'HTML, every character, hexadecimal': Array.from(
    secret,
    (c) => `&#x${c.codePointAt(0)?.toString(16)};`,
  ).join(''),
  'code points of JavaScript': Array.from(secret, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`).join(''),
  reversed: Array.from(secret).toReversed().join(''),
  'shell quotes': secret.replaceAll("'", `'\\''`),
  'shell quotes, Python': secret.replaceAll("'", `'"'"'`),
  'part after the colon': 'tail$Q7',
  'part after the colon, make': 'tail$$Q7',
  'part after the colon, URL': 'tail%24Q7',
  base64: b64(secret),
  base64url: Buffer.from(secret).toString('base64url'),
  'base64, shifted': b64(`x${secret}`),
  'base64, shifted twice': b64(`xy${secret}yy`),
  'base64 with a line end': b64(`${secret}\n`),
  'base64 of the password': b64(`user:tail$Q7`),
  'base64 of UTF-16LE': b64(Buffer.from(`x${secret}`, 'utf16le')),
  'base64 in a query': encodeURIComponent(b64(secret)).replaceAll('%3D', ''),
  'double base64': b64(b64(secret)),
  'double base64, shifted': b64(`a${b64(`xy${secret}`)}b`),
}

function hexList(between: string): string {
  return Array.from(Buffer.from(secret), (b) => b.toString(16).padStart(2, '0')).join(between)
}

function escapeMarkup(text: string, single: string, double: string): string {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return base.replaceAll("'", single).replaceAll('"', double)
}

for (const [name, form] of Object.entries(forms)) {
  test(`masks: ${name}`, () =>
    assert.equal(mask([secret], `before [${form}] after\n`), 'before [***] after\n'))
}

test('masks UTF-16LE', () => {
  const form = Buffer.from(secret, 'utf16le')
  assert.equal(mask([secret], Buffer.concat([Buffer.from('['), form, Buffer.from(']')])), '[***]')
})

test('masks UTF-16BE and UTF-32 in both orders', () => {
  const utf32 = (order: 'LE' | 'BE') => {
    const codes = Array.from(secret, (c) => c.codePointAt(0) ?? 0)
    const bytes = Buffer.alloc(codes.length * 4)
    for (const [i, code] of codes.entries()) bytes[`writeUInt32${order}`](code, i * 4)
    return bytes
  }
  for (const form of [Buffer.from(secret, 'utf16le').swap16(), utf32('LE'), utf32('BE')])
    assert.equal(mask([secret], Buffer.concat([Buffer.from('['), form, Buffer.from(']')])), '[***]')
})

test('masks base32, whatever stands before and behind in it, in one line and wrapped', (t) => {
  for (const before of ['', 'x', 'xy', 'xyz', 'wxyz']) {
    let encoded = ''
    try {
      encoded = execFileSync('base32', ['-w0'], { input: `${before}${secret}zz`, encoding: 'utf8' })
    } catch {
      return t.skip('no base32')
    }
    assert.match(mask([secret], `[${encoded}]`), /^\[\*\*\*=*\]$/)
    assert.match(mask([secret], `[${encoded.toLowerCase()}]`), /^\[\*\*\*=*\]$/)
    const core = encoded.slice(10, 40)
    assert.ok(
      !mask([secret], encoded.replaceAll(/.{20}/g, '$&\n')).replaceAll('\n', '').includes(core.slice(0, 8)),
    )
  }
})

test('masks %q of bash', (t) => {
  let quoted = ''
  try {
    quoted = execFileSync('bash', ['-c', 'printf %q "$1"', '-', 'a b\'c"d$e&f(g)'], { encoding: 'utf8' })
  } catch {
    return t.skip('no bash')
  }
  assert.equal(mask(['a b\'c"d$e&f(g)'], `[${quoted}]`), '[***]')
})

test('masks a multi-line secret as a whole, by line and with other line ends', () => {
  const body = multiline.trim()
  for (const end of ['\n', '\r\n', ' ', '\\n']) {
    assert.equal(mask([multiline], `[${body.replaceAll('\n', end)}]`), '[***]', JSON.stringify(end))
  }
  assert.equal(mask([multiline], '> hkiG9w0BAQEFAASC <'), '> *** <')
  assert.equal(mask([multiline], 'short stays'), 'short stays')
  assert.equal(mask([`  \n${secret}\t`], `[${secret}]`), '[***]')
  assert.equal(mask([`"quoted-value"`], `[quoted-value]`), '[***]')
})

test('masks wrapped base64 and hex, whatever the width and the line end', () => {
  const encoded = b64(`some prefix ${secret} and a suffix`)
  const core = encoded.slice(16, Math.floor(((12 + Buffer.byteLength(secret)) * 4) / 3))
  for (const width of [1, 2, 3, 4, 5, 7, 16, 31, 64, 76]) {
    for (const end of ['\n', '\r\n', '\n    ', ' ', '\x1b[0m\n\x1b[32m']) {
      const wrapped = encoded.replaceAll(new RegExp(`.{${width}}`, 'g'), `$&${end}`)
      const shown = mask([secret], wrapped).replaceAll(/\s|\x1b\[\d+m/g, '')
      assert.ok(shown.includes('***'))
      assert.ok(!shown.includes(core.slice(0, 4)) && !shown.includes(core.slice(-4)), `${width} ${shown}`)
    }
  }
  const hex = Buffer.from(secret).toString('hex').replaceAll(/.{4}/g, '$& ').trim()
  assert.equal(mask([secret], `0000: ${hex}  |`), '0000:  ***')
})

test('masks the whole base64 run around a hit and nothing beyond', () => {
  const run = b64(`{"a":"${'p'.repeat(300)}","key":"${secret}","b":"${'s'.repeat(300)}"}`)
  assert.equal(mask([secret], `data: ${run}\nnext`), 'data: ***\nnext')
  assert.equal(mask([secret], `TOKEN=${run}&x`), 'TOKEN=***&x')
})

test('masks a form with ANSI sequences in between', () => {
  const sequences = [
    '\x1b[0m',
    '\x1b[38;5;196m',
    '\x1b[K',
    '\x1b]8;;http://x/\x1b\\',
    '\x1b]0;t\x07',
    '\x1b(B',
    '\x1b7',
  ]
  for (const sequence of sequences) {
    for (const form of [secret, b64(secret)]) {
      const colored = Array.from(form).join(sequence)
      assert.equal(mask([secret], `[${colored}]${sequence}.`), `[***]${sequence}.`)
      const once = `${form.slice(0, 5)}${sequence}${form.slice(5, 20)}${sequence}${form.slice(20)}`
      const shown = mask([secret], `[${once}]`)
      assert.ok(shown.startsWith('[***') && shown.length < 7 + 2 * sequence.length, shown)
    }
  }
  // What a terminal would swallow is in the log all the same.
  assert.equal(mask(['Asecret1'], '\x1b[Asecret1'), '\x1b[***')
  assert.equal(mask(['secret-1'], '\x1b]8;;https://u:secret-1@h\x1b\\'), '\x1b]8;;https://u:***@h\x1b\\')
  assert.equal(mask(['secret-1'], '\x1b[\x1b[secr\x1b[0\x00mx'), '\x1b[\x1b[secr\x1b[0\x00mx')
})

test('is KMP-correct where GitLab leaked', () => {
  const stream = masker('abxyz1234').stream()
  const shown = [stream.write(Buffer.from('aa')), stream.write(Buffer.from('abxyz1234')), stream.end()]
  assert.equal(Buffer.concat(shown).toString(), 'aa***')
  assert.equal(mask(['abxyz1234'], 'aabxyz1234 ababxyz1234 abxabxyz1234'), 'a*** ab*** abx***')
})

test('masks the union of overlapping, nested and self-overlapping secrets', () => {
  assert.equal(mask(['abcabcab'], 'xabcabcabcabcabx'), 'x***x')
  assert.equal(mask(['aaaaaa'], 'aaaaa b aaaaaaa b'), 'aaaaa b *** b')
  assert.equal(mask(['secret-one', 'one-two-three'], '[secret-one-two-three]'), '[***]')
  assert.equal(
    mask(['long-secret-value', 'secret'], '[long-secret-value] [long-secret-x]'),
    '[***] [long-***-x]',
  )
  assert.equal(mask(['long-secret-value', 'secret'], '[long-secret-valu'), '[long-***-valu')
})

test('leaves other bytes alone: binary, invalid UTF-8, nothing registered', () => {
  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * i * 31 + (i >> 3)) & 255))
  for (const it of [masker(), masker(secret, multiline)]) {
    const stream = it.stream()
    assert.deepEqual(Buffer.concat([stream.write(bytes), stream.end()]), bytes)
  }
  const around = Buffer.concat([
    Buffer.from([0xff, 0xc3, 0x28]),
    Buffer.from('secret-1'),
    Buffer.from([0xfe, 0x80]),
  ])
  const stream = masker('secret-1').stream()
  assert.equal(Buffer.concat([stream.write(around), stream.end()]).toString('latin1'), '\xff\xc3(***\xfe\x80')
})

test('refuses what would destroy the output, and says so', () => {
  const it = createMasker([new Secret('abc'), new Secret('long-enough')])
  assert.deepEqual(it.refused, [{ index: 0, result: { ok: false, reason: 'too_short', limitBytes: 6 } }])
  assert.deepEqual(it.add(new Secret('  abc   ')), { ok: false, reason: 'too_short', limitBytes: 6 })
  assert.deepEqual(it.add(new Secret('a      b')), { ok: false, reason: 'too_blank', limitBytes: 4 })
  assert.deepEqual(it.add(new Secret('x'.repeat(262_145))), {
    ok: false,
    reason: 'too_long',
    limitBytes: 262_144,
  })
  assert.equal(it.add(new Secret('abcdef')).ok, true)
})

test('thousands of secrets that begin alike have anchors of their own: each place of the output is held against a few of them', () => {
  const set = new PatternSet()
  const head = randomBytes(200).toString('base64url')
  const texts = Array.from({ length: 2_000 }, () => `${head}.${randomBytes(60).toString('base64url')}`)
  set.add(texts.map((text) => ({ name: 'a', forms: formsOf(text, true) })))
  const largest = Math.max(...[...set.anchors.values()].map(({ length }) => length))
  assert.ok(largest <= 32, String(largest))
})
