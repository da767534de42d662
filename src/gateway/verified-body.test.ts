import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../lib/index.ts'
import { verifyingBody } from './verified-body.ts'

const sri = (bytes: Uint8Array, algorithm = 'sha512') =>
  `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`

/** What comes out, and the error it ended with. */
async function pass(
  chunks: readonly Uint8Array[],
  integrity: string,
): Promise<{ out: Buffer; error: unknown }> {
  const out: Buffer[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      out.push(Buffer.from(chunk))
      done()
    },
  })
  const error = await pipeline(
    Readable.from(chunks.map((one) => Buffer.from(one))),
    verifyingBody('ms@1.0.0', integrity),
    sink,
  ).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  return { out: Buffer.concat(out), error }
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at
    .slice(1)
    .map((end, i) => bytes.subarray(at[i], end))
    .filter((chunk) => chunk.length > 0)
}

const isRefusal = (error: unknown) =>
  error instanceof MayflyError &&
  error.code === 'denied' &&
  /ms@1\.0\.0 is not what the lockfile pins/.test(error.message)
const places = fc.array(fc.nat(10_000), { maxLength: 10 })

test('the right body passes unchanged, however it comes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      places,
      fc.constantFrom('sha256', 'sha384', 'sha512'),
      async (bytes, where, algorithm) => {
        const { out, error } = await pass(cut(bytes, where), sri(bytes, algorithm))
        assert.equal(error, undefined)
        assert.deepEqual(out, Buffer.from(bytes))
      },
    ),
  )
})

test('one flipped bit, and the last byte never leaves', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      places,
      fc.nat(),
      fc.nat(7),
      async (bytes, where, at, bit) => {
        const spoilt = Uint8Array.from(bytes)
        const index = at % bytes.length
        spoilt[index] = (spoilt[index] ?? 0) ^ (1 << bit)
        const { out, error } = await pass(cut(spoilt, where), sri(bytes))
        assert.ok(isRefusal(error))
        assert.ok(out.length < spoilt.length && Buffer.from(spoilt).subarray(0, out.length).equals(out))
      },
    ),
  )
})

test('a body cut short or with something behind it is refused', async () => {
  const bytes = randomBytes(100_000)
  for (const sent of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.alloc(0)]) {
    const { out, error } = await pass(sent.length === 0 ? [] : [sent], sri(bytes))
    assert.ok(isRefusal(error))
    assert.ok(out.length < Math.max(1, sent.length))
  }
})

test('bodies of one byte and of none', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.of(7)]) {
    const chunks = bytes.length === 0 ? [] : [bytes]
    assert.deepEqual(await pass(chunks, sri(bytes)), { out: bytes, error: undefined })
    const wrong = await pass(chunks, sri(Buffer.of(8)))
    assert.ok(isRefusal(wrong.error))
    assert.equal(wrong.out.length, 0)
  }
})

test('the strongest digest counts, whatever the weaker ones say', async () => {
  const [good, evil] = [Buffer.from('good'), Buffer.from('evil')]
  const strongGood = `${sri(evil, 'sha1')} ${sri(evil, 'sha256')} ${sri(good, 'sha512')}`
  assert.equal((await pass([good], strongGood)).error, undefined)
  assert.ok(isRefusal((await pass([evil], strongGood)).error))
  assert.ok(isRefusal((await pass([evil], `${sri(good, 'sha384')} ${sri(evil, 'sha256')}`)).error))
  assert.equal((await pass([good], `  ${sri(good)}?a=b  `)).error, undefined)
})

test('a digest that can be forged, or is none, pins nothing', () => {
  for (const integrity of [
    sri(Buffer.from('x'), 'sha1'),
    'md5-rL0Y20zC+Fzt72VPzMSk2A==',
    '',
    'sha512',
    'SHA512-abc',
    'nonsense',
  ])
    assert.throws(
      () => verifyingBody('ms@1.0.0', integrity),
      (error) => error instanceof MayflyError && error.code === 'bad_input',
      integrity,
    )
})

test('a digest written in another way is not the digest', async () => {
  const bytes = Buffer.from('good')
  const hex = `sha512-${createHash('sha512').update(bytes).digest('hex')}`
  for (const integrity of [hex, sri(bytes).replace(/=+$/, ''), 'sha512-', sri(bytes).slice(0, -4)])
    assert.ok(isRefusal((await pass([bytes], integrity)).error), integrity)
})

// Was so once: an empty chunk makes the stream let go of the byte it holds.
test('an empty chunk does not release what is held', async () => {
  const seen: Buffer[] = []
  const body = verifyingBody('ms@1.0.0', sri(Buffer.from('good')))
  const failed = new Promise((give) => body.on('error', give))
  body.on('data', (chunk: Buffer) => seen.push(chunk))
  body.write(Buffer.from('evil'))
  body.write(Buffer.alloc(0))
  body.end()
  assert.ok(isRefusal(await failed))
  assert.equal(Buffer.concat(seen).toString(), '')
})
