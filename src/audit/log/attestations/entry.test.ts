import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { makeChain } from '../../timestamp/chain.ts'
import { canonicalEntry } from '../../../attest/verify/index.ts'
import { parseRekordEntry } from './entry.ts'
import { entryOf, rekordOf } from './rekord.fixture.ts'

const { entry, signature } = rekordOf('a statement')
const digest = createHash('sha256').update('a statement').digest()
const text = entry.toString()
const derOf = (pem: string) => Buffer.from(pem.replaceAll(/-----[^-]*-----|\n/g, ''), 'base64')
const certificate = derOf(makeChain(Date.now()).chain[0])
const spkiOf = (curve: string) =>
  generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ format: 'der', type: 'spki' })
const verifierOf = (kind: string, der: Buffer) => `"${kind}":{"rawBytes":"${der.toString('base64')}"}`

test('an entry by a key and one by a certificate are read, as the verifier of bundles writes them', () => {
  const parsed = parseRekordEntry(entry)
  assert.ok(parsed.ok)
  assert.deepEqual(Buffer.from(parsed.entry.digest), digest)
  assert.deepEqual(Buffer.from(parsed.entry.signature), signature)
  for (const [kind, name, der] of [
    ['key', 'publicKey', spkiOf('P-256')],
    ['certificate', 'x509Certificate', certificate],
  ] as const) {
    const written = entryOf({ digest, signature, verifier: verifierOf(name, der) })
    assert.deepEqual(Buffer.from(canonicalEntry({ digest, signature, by: { kind, der } })), written)
    const read = parseRekordEntry(written)
    assert.ok(read.ok && Buffer.from(read.entry.verifier.der).equals(der))
  }
})

test('whatever is not canonical, of another kind or algorithm, or no key of P-256 is refused', () => {
  const parts = JSON.parse(text) as Record<string, unknown>
  const otherOrder = JSON.stringify({
    kind: parts['kind'],
    apiVersion: parts['apiVersion'],
    spec: parts['spec'],
  })
  const swap = (from: string | RegExp, to: string) => {
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    return Buffer.from(changed)
  }
  const withSignature = (hex: string) => entryOf({ digest, signature: Buffer.from(hex, 'hex') })
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
  const pss = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  // The same key by its compressed point: OpenSSL reads it, and writes another encoding.
  const spki = spkiOf('P-256')
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.of((spki.at(-1) ?? 0) & 1 ? 3 : 2),
    spki.subarray(27, 59),
  ])
  const refused: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /canonical JSON/],
    [Buffer.from(`${text} `), /canonical JSON/],
    [Buffer.from(`${text}\n`), /canonical JSON/],
    [Buffer.from(`\ufeff${text}`), /canonical JSON/],
    [Buffer.concat([entry, Buffer.of(0xff)]), /canonical JSON/],
    [Buffer.from(JSON.stringify(parts, undefined, 1)), /canonical JSON/],
    [Buffer.from(otherOrder), /canonical JSON/],
    [swap('0.0.2', '0.0.1'), /canonical JSON/],
    [swap('"kind":"hashedrekord"', '"kind":"dsse"'), /canonical JSON/],
    [swap('"kind":"hashedrekord"', '"kind":"hashedrekord","kind":"hashedrekord"'), /canonical JSON/],
    [swap('SHA2_256', 'SHA2_512'), /canonical JSON/],
    [swap('PKIX_ECDSA_P256_SHA_256', 'PKIX_ED25519'), /canonical JSON/],
    [swap('{"apiVersion"', '{"a":1,"apiVersion"'), /canonical JSON/],
    [swap(/"digest":"./, String.raw`"digest":"\u0041`), /canonical JSON/],
    [swap(/"digest":"[^"]*"/, `"digest":"${'A'.repeat(42)}B="`), /base64 is not canonical/],
    [swap(/"content":"[^"]*"/, '"content":"MA==="'), /base64 is not canonical/],
    [withSignature('3000'), /not ECDSA/],
    [withSignature('30060201010201'), /not ECDSA/],
    [withSignature('3006020100020101'), /not ECDSA/],
    [withSignature('300602018102010102'), /not ECDSA/],
    [withSignature('3009020101020101020101'), /not ECDSA/],
    [withSignature(`3026022100${order}020101`), /not ECDSA/],
    [entryOf({ digest, signature, verifier: verifierOf('publicKey', spkiOf('P-384')) }), /not on P-256/],
    [
      entryOf({
        digest,
        signature,
        verifier: verifierOf('publicKey', pss.export({ format: 'der', type: 'spki' })),
      }),
      /not on P-256/,
    ],
    [
      entryOf({ digest, signature, verifier: verifierOf('publicKey', compressed) }),
      /another encoding|no public key/,
    ],
    [entryOf({ digest, signature, verifier: verifierOf('publicKey', certificate) }), /no public key/],
    [
      entryOf({ digest, signature, verifier: verifierOf('x509Certificate', spkiOf('P-256')) }),
      /no certificate/,
    ],
    [
      entryOf({
        digest,
        signature,
        verifier: verifierOf('x509Certificate', Buffer.concat([certificate, Buffer.of(0)])),
      }),
      /no certificate/,
    ],
    [
      entryOf({ digest, signature, verifier: verifierOf('x509Certificate', Buffer.alloc(16_000)) }),
      /at most 16384|canonical/,
    ],
  ]
  for (const [bytes, message] of refused) {
    const parsed = parseRekordEntry(bytes)
    assert.match(parsed.ok ? 'taken' : parsed.message, message, bytes.toString().slice(0, 300))
  }
})

test('of any flipped byte: refused, or read as exactly what it says', () => {
  for (let at = 0; at < entry.length; at++) {
    const changed = Buffer.from(entry.with(at, (entry[at] ?? 0) ^ (1 << (at % 8))))
    const parsed = parseRekordEntry(changed)
    if (!parsed.ok) continue
    const { digest: read, signature: content, verifier } = parsed.entry
    const by = { kind: 'key' as const, der: verifier.der }
    assert.deepEqual(Buffer.from(canonicalEntry({ digest: read, signature: content, by })), changed)
  }
})
