import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../lib/any-character.fixture.ts'
import { Secret } from '../lib/index.ts'
import { parseRow } from './dump-rows.ts'
import { formsOf } from './forms.ts'
import { createMasker, type MaskerOptions } from './index.ts'
import { maskSlowly } from './reference.ts'
import { runs } from '../../test/whole.ts'

function streamOf(secrets: readonly string[], options: MaskerOptions = {}) {
  return createMasker(
    secrets.map((value) => new Secret(value)),
    options,
  ).stream()
}

function mask(
  secrets: readonly string[],
  chunks: readonly Uint8Array[],
  options: MaskerOptions = {},
): Buffer {
  const stream = streamOf(secrets, options)
  return Buffer.concat([...chunks.map((chunk) => stream.write(chunk)), stream.end()])
}

/** Cuts at the given places, modulo the length. */
function cut(output: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (output.length + 1)).sort((a, b) => a - b), output.length]
  return at.slice(1).map((end, i) => output.subarray(at[i], end))
}

const places = fc.array(fc.nat(1_000_000), { maxLength: 12 })
// Few letters: prefixes, overlaps and repetitions are the rule.
const denseSecret = fc.string({ unit: fc.constantFrom('a', 'b', 'A'), minLength: 6, maxLength: 14 })
const anySecret = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(...`aZ09+/=-_:'"<&\\$% \n`),
      fc.string({ minLength: 1, maxLength: 1, unit: anyCharacter }),
    ),
    minLength: 6,
    maxLength: 24,
  })
  .filter((text) => createMasker([new Secret(text)]).refused.length === 0)
const noise = fc.oneof(
  fc
    .string({ unit: fc.constantFrom('a', 'b', 'A', ' ', '\n', '='), maxLength: 12 })
    .map((text) => Buffer.from(text)),
  fc
    .constantFrom(
      '\x1b[0m',
      '\x1b[',
      '\x1b]8;;a\x1b\\',
      '\x1b]',
      '\x1b',
      '\x07',
      '\r\n',
      '  ',
      '+/',
      '=\n',
      '=\r\n',
      '=\r',
    )
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
)
const separators = [
  '',
  '\n',
  ' ',
  '\r\n  ',
  '\x1b[0m',
  '\x1b[1m\n',
  '=\n',
  '=\r\n',
  ' '.repeat(64),
  ' '.repeat(65),
]

interface Ingredient {
  readonly secret: number
  readonly form: number
  readonly from: number
  readonly drop: number
  readonly separator: string
  readonly every: number
}

const ingredient = fc.record({
  secret: fc.nat(),
  form: fc.nat(),
  from: fc.constantFrom(0, 0, 0, 1, 3),
  drop: fc.constantFrom(0, 0, 0, 1, 4),
  separator: fc.constantFrom(...separators),
  every: fc.constantFrom(1, 3, 8, 1000),
})

/** A form of a secret, whole or cut, and interrupted. */
function cook(secrets: readonly string[], item: Ingredient): Buffer {
  const forms = formsOf(secrets[item.secret % secrets.length] ?? '')
  const bytes = forms[item.form % forms.length]?.bytes ?? Buffer.alloc(0)
  const text = bytes.subarray(item.from, bytes.length - item.drop).toString('latin1')
  const parts = text.match(new RegExp(`[^]{1,${item.every}}`, 'g')) ?? []
  return Buffer.from(parts.join(item.separator), 'latin1')
}

function hasRows(output: Buffer): boolean {
  return output
    .toString('latin1')
    .split('\n')
    .some((line) => line.trim() !== '' && parseRow(line) !== undefined)
}

function outputOf(secrets: readonly string[], items: readonly (Uint8Array | Ingredient)[]): Buffer {
  return Buffer.concat(items.map((item) => (item instanceof Uint8Array ? item : cook(secrets, item))))
}

const items = fc.array(fc.oneof(noise, ingredient), { minLength: 1, maxLength: 10 })

for (const [name, secret, numRuns] of [
  ['secrets of three letters', denseSecret, runs(100, 400)],
  ['secrets of any kind', anySecret, runs(60, 250)],
] as const) {
  test(`equals the slow reference, however it is cut: ${name}`, () => {
    const secretsAndItems = fc.tuple(fc.array(secret, { minLength: 1, maxLength: 3 }), items)
    const property = fc.property(
      secretsAndItems,
      places,
      fc.constantFrom(0, 5, 4096),
      ([secrets, list], at, maxRunBytes) => {
        const output = outputOf(secrets, list)
        // A form of numbers that is cut into lines may be rows of a dump, which the reference knows nothing of (dumps.test.ts does).
        fc.pre(!hasRows(output))
        const expected = maskSlowly(output, secrets, maxRunBytes)
        assert.equal(
          mask(secrets, cut(output, at), { maxRunBytes }).toString('latin1'),
          expected.toString('latin1'),
        )
        const bytewise = Array.from(output, (_, i) => output.subarray(i, i + 1))
        assert.equal(mask(secrets, bytewise, { maxRunBytes }).toString('latin1'), expected.toString('latin1'))
      },
    )
    fc.assert(property, { numRuns })
  })
}

test('flushing at any time never shows a form', () => {
  const secrets = fc.array(anySecret, { minLength: 1, maxLength: 3 })
  const property = fc.property(secrets, items, places, (list, recipe, at) => {
    const output = outputOf(list, recipe)
    const stream = streamOf(list)
    const shown = cut(output, at).flatMap((chunk) => [stream.write(chunk), stream.flushIdle()])
    const text = Buffer.concat([...shown, stream.end()]).toString('latin1')
    for (const each of list) {
      for (const form of formsOf(each)) {
        const bytes = form.bytes.toString('latin1')
        // The stars of a mask may complete a form that has some: that shows nothing.
        if (!bytes.includes('*')) assert.ok(!text.includes(bytes), `${JSON.stringify(bytes)} shown`)
      }
    }
  })
  fc.assert(property, { numRuns: runs(150, 500) })
})

test('output that holds no form is handed on byte for byte', () => {
  const output = fc.array(
    fc.oneof(
      noise,
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    ),
  )
  const property = fc.property(output, places, (parts, at) => {
    const bytes = Buffer.concat(parts)
    const secrets = ['k3Q9zzT0pLmW7xYvB2nD', 'multi line\nsecret:value']
    assert.deepEqual(mask(secrets, cut(bytes, at)), bytes)
    assert.deepEqual(mask([], cut(bytes, at)), bytes)
  })
  fc.assert(property, { numRuns: runs(150, 500) })
})

function randomCase() {
  const secret = randomBytes(randomInt(5, 40))
    .toString(randomInt(2) === 0 ? 'base64' : 'hex')
    .slice(0, randomInt(6, 50))
  const padded = secret.length < 6 ? `${secret}abcdef` : secret
  const wrap = (bytes: Uint8Array) =>
    Buffer.concat([randomBytes(randomInt(30)), bytes, randomBytes(randomInt(30))])
  return { secret: padded, wrap }
}

test('misses no base64(prefix + secret + suffix), single or double, in any alphabet', () => {
  for (let i = 0; i < 150; i++) {
    const { secret, wrap } = randomCase()
    const masker = createMasker([new Secret(secret)])
    for (let k = 0; k < 40; k++) {
      const inner = wrap(Buffer.from(secret))
      const outer = (['base64', 'base64url'] as const)[k % 2] ?? 'base64'
      const once = inner.toString(outer)
      const twice = wrap(Buffer.from(inner.toString(k % 4 < 2 ? 'base64' : 'base64url'))).toString(outer)
      for (const encoded of [once, twice]) {
        const stream = masker.stream()
        const output = Buffer.from(`key: ${encoded}\n`)
        const at = randomInt(output.length)
        const parts = [stream.write(output.subarray(0, at)), stream.write(output.subarray(at)), stream.end()]
        assert.equal(Buffer.concat(parts).toString(), 'key: ***\n', `${secret} in ${encoded}`)
      }
    }
  }
})
