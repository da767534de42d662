import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { createMasker, type MaskStream } from './index.ts'

const secret = 'ghp_k3Q9zzT0pLmW7xYvB2nD'

const masker = (...secrets: string[]) => createMasker(secrets.map((value) => new Secret(value)))
const write = (stream: MaskStream, text: string) => stream.write(Buffer.from(text)).toString()

test('shows at once what cannot become a secret', () => {
  const stream = masker(secret).stream()
  assert.equal(write(stream, 'compiled.\n!'), 'compiled.\n!')
  assert.equal(stream.end().toString(), '')
})

test('flushIdle holds a partial match and releases everything else', () => {
  const stream = masker(secret).stream()
  assert.equal(write(stream, 'Continue (yes'), 'Continue (')
  assert.equal(write(stream, ')? '), 'yes)? ')
  assert.equal(write(stream, 'ghp_k3Q9'), '')
  assert.equal(stream.flushIdle().toString(), '')
  assert.equal(write(stream, secret.slice(8)), '')
  assert.equal(write(stream, '.'), '***.')
  assert.equal(write(stream, `done ${secret.slice(0, 10)}!`), `done ${secret.slice(0, 10)}!`)
  assert.equal(stream.flushIdle().toString(), '')
})

test('flushIdle releases a run of base64 that no partial match is in', () => {
  const stream = masker('0123456789').stream()
  assert.equal(write(stream, 'Loading---'), '')
  assert.equal(stream.flushIdle().toString(), 'Loading---')
})

test('flushIdle shows a finished line; a form that was wrapped there is still masked', () => {
  const stream = masker(secret).stream()
  const encoded = Buffer.from(secret).toString('base64')
  write(stream, `line\n${encoded.slice(0, 3)}\n`)
  stream.flushIdle()
  assert.equal(write(stream, `${encoded.slice(3)}\n.`), '***\n.')
})

test('flushIdle keeps an unfinished ANSI sequence in mind', () => {
  const stream = masker(secret).stream()
  assert.equal(write(stream, `ghp_k3\x1b[`), '')
  assert.equal(stream.flushIdle().toString(), '')
  assert.equal(write(stream, `0m${secret.slice(6)}.`), '***.')
  assert.equal(write(stream, 'x.\x1b['), 'x.')
  assert.equal(stream.flushIdle().toString(), '\x1b[')
  assert.equal(write(stream, '1m.'), '1m.')
})

test('late registration applies to open streams, to what they hold too', () => {
  const it = masker('abcdefgh-long')
  const one = it.stream()
  const two = it.stream()
  assert.equal(write(one, `${secret}.`), `${secret}.`)
  assert.equal(write(one, '.abcdefgh'), '.')
  assert.equal(it.add(new Secret('cdefghij')).ok, true)
  assert.equal(it.add(new Secret(secret)).ok, true)
  assert.equal(write(one, 'ij.'), 'ab***.')
  assert.equal(write(one, `${secret}.`), '***.')
  assert.equal(write(two, `[${secret}]`), '[***]')
  const empty = masker()
  const stream = empty.stream()
  assert.equal(write(stream, 'abcdef'), 'abcdef')
  empty.add(new Secret('abcdef'))
  assert.equal(write(stream, 'abcdef.'), '***.')
})

test('streams do not see each other', () => {
  const it = masker(secret)
  const [out, err] = [it.stream(), it.stream()]
  assert.equal(write(out, secret.slice(0, 10)), '')
  assert.equal(write(err, `${secret.slice(10)}.`), `${secret.slice(10)}.`)
  assert.equal(out.end().toString(), secret.slice(0, 10))
})

test('the caller may reuse the chunk', () => {
  const stream = masker(secret).stream()
  const chunk = Buffer.from(`.${secret}`)
  const shown = stream.write(chunk.subarray(0, 12))
  chunk.fill(0, 0, 12)
  assert.equal(Buffer.concat([shown, stream.write(chunk.subarray(12)), stream.end()]).toString(), '.***')
})

test('a single line of 20 MB, in one chunk and in odd ones', () => {
  const line = Buffer.alloc(20_000_000, 'the quick brown fox; ')
  const at = [0, 65_530, 4_999_990, 65_536 * 7 - 12, line.length - secret.length]
  for (const place of at) line.write(secret, place)
  for (const size of [line.length, 65_537]) {
    const stream = masker(secret, 'other-secret-value').stream()
    const parts: Buffer[] = []
    for (let i = 0; i < line.length; i += size) parts.push(stream.write(line.subarray(i, i + size)))
    const shown = Buffer.concat([...parts, stream.end()])
    assert.equal(shown.length, line.length - at.length * (secret.length - 3))
    assert.equal(shown.toString('latin1').split('***').length, at.length + 1)
    assert.ok(!shown.includes(secret))
  }
})

test('an endless base64 run: bounded before a hit, masked to its end after it', () => {
  const before = Buffer.alloc(3_000_000, 'QUJD')
  const hit = Buffer.from(Buffer.from(secret).toString('base64url'))
  const stream = masker(secret).stream()
  const shown = stream.write(before)
  assert.ok(shown.length >= before.length - 5000 && shown.length < before.length - 4000, `${shown.length}`)
  assert.equal(
    stream.write(hit).toString(),
    `${before.toString('latin1', shown.length, before.length - 4096)}***`,
  )
  for (let i = 0; i < 40; i++) assert.equal(stream.write(before).length, 0)
  assert.equal(write(stream, 'QUJD== QUJD '), ' QUJD ')
})

test('one-byte writes: a long run, a secret that repeats itself, stuffed white space', () => {
  const run = randomBytes(30_000).toString('base64')
  const repeated = `${'a'.repeat(200_000)}.`
  const stuffed = `${Array.from(Buffer.from(secret).toString('base64')).join(' '.repeat(60))}.`
  const outputs: [string, string][] = [
    [run, run],
    [repeated, '***.'],
    [stuffed, '***.'],
  ]
  for (const [output, expected] of outputs) {
    const stream = masker(secret, 'a'.repeat(64)).stream()
    const parts = Array.from(Buffer.from(output), (byte) => stream.write(Uint8Array.of(byte)))
    assert.equal(Buffer.concat([...parts, stream.end()]).toString(), expected)
  }
})

test('white space and sequences without end are not held', () => {
  for (const filler of [' ', '\n', '\x1b[0m', '\x1b]', '\x1b[1;']) {
    const stream = masker(secret).stream()
    let shown = stream.write(Buffer.from('x ghp_k3')).length
    for (let i = 0; i < 64; i++) shown += stream.write(Buffer.alloc(65_536, filler)).length
    assert.ok(shown > 63 * 65_536 - 300_000, `${JSON.stringify(filler)} ${shown}`)
  }
})

test('a secret longer than one piece', () => {
  const long = randomBytes(20_000).toString('hex')
  const it = masker(long)
  for (const output of [
    long,
    Buffer.from(`x${long}`).toString('base64'),
    JSON.stringify(long).slice(1, -1),
  ]) {
    const stream = it.stream()
    assert.equal(write(stream, `[${output}]`) + stream.end().toString(), '[***]')
  }
})

test('a line of 100 MB, coloured and with carriage returns: what is held stays small, and all but the secrets is as it was', () => {
  const piece = Buffer.from(`\rprogress \x1b[32m=====>\x1b[0m 42% of ${'x y '.repeat(250)}`)
  const stream = masker(secret).stream()
  let [written, shown, most, masks] = [0, 0, 0, 0]
  for (let i = 0; written < 100_000_000; i++) {
    const chunk = i % 1_000 === 0 ? Buffer.concat([piece, Buffer.from(secret), piece]) : piece
    const out = stream.write(chunk)
    written += chunk.length
    shown += out.length
    if (i % 1_000 === 0) {
      masks++
      assert.ok(out.includes('***') && !out.includes(secret))
    }
    most = Math.max(most, written - shown - masks * (secret.length - 3))
  }
  shown += stream.end().length
  assert.equal(shown, written - masks * (secret.length - 3))
  assert.ok(most < 10_000, `${most} bytes were held`)
})
