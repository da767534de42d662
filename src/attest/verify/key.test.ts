import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { der, DerError, oidOf, readDer } from '../../der/index.ts'
import { ecKeyOf } from './ecdsa.ts'
import { Refusal, trustKey } from './index.ts'

const spkiOf = (curve = 'P-256') =>
  generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ type: 'spki', format: 'der' })
const pemOf = (spki: Buffer) =>
  `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`

/** The same key with its point in another form (SEC 1, section 2.3.3). */
function otherForms(spki: Buffer): readonly Buffer[] {
  const [algorithm, bits] = readDer(spki).children()
  const point = bits!.content.subarray(1)
  const size = (point.length - 1) / 2
  const odd = point.at(-1)! & 1
  const written = (bytes: Buffer) => der.sequence(algorithm!.whole, der.bits(bytes))
  const compressed = Buffer.concat([Buffer.of(2 + odd), point.subarray(1, 1 + size)])
  const hybrid = Buffer.concat([Buffer.of(6 + odd), point.subarray(1)])
  return [written(compressed), written(hybrid)]
}

test('a key is taken in one form alone, so that it has one id', () => {
  for (const curve of ['P-256', 'P-384', 'P-521']) {
    const spki = spkiOf(curve)
    assert.equal(ecKeyOf(spki).asymmetricKeyType, 'ec')
    for (const other of otherForms(spki)) {
      // OpenSSL reads each as the same key.
      const read = createPublicKey({ key: other, format: 'der', type: 'spki' })
      assert.deepEqual(read.export({ format: 'jwk' }), ecKeyOf(spki).export({ format: 'jwk' }))
      assert.throws(() => ecKeyOf(other), DerError)
      assert.throws(() => trustKey(pemOf(other)), Refusal)
    }
  }
  assert.ok(trustKey(pemOf(spkiOf())).keys[0])
})

test('what else is no key: other curves, more or fewer parts, points that are none', () => {
  const spki = spkiOf()
  const [algorithm, bits] = readDer(spki).children()
  const [ec, curve] = algorithm!.children()
  const point = bits!.content.subarray(1)
  assert.equal(oidOf(ec), '1.2.840.10045.2.1')
  const wrong = [
    spkiOf('secp256k1'),
    generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }),
    der.sequence(der.sequence(ec!.whole), bits!.whole),
    der.sequence(der.sequence(ec!.whole, curve!.whole, der.integer(1)), bits!.whole),
    der.sequence(algorithm!.whole, bits!.whole, der.integer(1)),
    der.sequence(algorithm!.whole),
    der.sequence(algorithm!.whole, der.bits(point.subarray(0, -1))),
    der.sequence(algorithm!.whole, der.bits(Buffer.from(point).fill(1, 1))),
    der.sequence(algorithm!.whole, der.bits(Buffer.of(0))),
    Buffer.concat([spki, Buffer.of(0)]),
  ]
  for (const one of wrong) assert.throws(() => ecKeyOf(one), DerError, one.toString('hex'))
})

test('a key in PEM is base64 in its one form, with nothing behind it', () => {
  const spki = spkiOf()
  const text = spki.toString('base64')
  const pem = (lines: string) => `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`
  assert.equal(spki.length, 91)
  assert.ok(text.endsWith('=='))
  const bits = text.slice(0, -3)
  for (const good of [text, text.replace(/.{64}/, '$&\n'), text.replace(/.{64}/, '$&\r\n')])
    assert.ok(trustKey(pem(good)).keys[0])
  const stray = String.fromCharCode((text.at(-3)?.charCodeAt(0) ?? 0) + 1)
  for (const bad of [
    `${bits}${stray}==`,
    text.slice(0, -1),
    text.slice(0, -2),
    `${text}=`,
    `${text}\nAAAA`,
    '=',
  ])
    assert.throws(() => trustKey(pem(bad)), Refusal, bad)
})
