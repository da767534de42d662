import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { der } from '../../der/index.ts'
import { isDigestSignedBy } from './p256.ts'

const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const digestOf = (message: Uint8Array) => createHash('sha256').update(message).digest()

test('a digest is verified just as Node verifies its message, for keys, messages and changed bytes', () => {
  for (let round = 0; round < 4; round++) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(71), fc.nat(255), (message, at, byte) => {
        const signature = sign('sha256', message, privateKey)
        assert.equal(isDigestSignedBy(publicKey, digestOf(message), signature), true)
        if (at < signature.length) signature[at] = byte
        const same = verify('sha256', message, publicKey, signature)
        assert.equal(isDigestSignedBy(publicKey, digestOf(message), signature), same)
      }),
      { numRuns: 8 },
    )
  }
})

test('numbers at the edges, other keys and other forms are refused as Node refuses them', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const message = Buffer.from('m')
  const digest = digestOf(message)
  const edges = [0n, 1n, 2n, n - 1n, n, n + 1n, 2n ** 256n - 1n]
  for (const r of edges)
    for (const s of edges) {
      const signature = der.sequence(der.integer(r), der.integer(s))
      assert.equal(
        isDigestSignedBy(publicKey, digest, signature),
        verify('sha256', message, publicKey, signature),
      )
    }
  const signature = sign('sha256', message, privateKey)
  for (const one of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, Buffer.of(0)])])
    assert.equal(isDigestSignedBy(publicKey, digest, one), false)
  assert.equal(isDigestSignedBy(publicKey, digest.subarray(1), signature), false)
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  assert.equal(isDigestSignedBy(p384.publicKey, digest, sign('sha256', message, p384.privateKey)), false)
})

test('both points may be the same one, or each other’s opposite', () => {
  // The key is the generator, so u1 × G + u2 × Q adds multiples of one point.
  const jwk = {
    ...{ kty: 'EC', crv: 'P-256', x: 'axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY' },
    y: 'T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU',
  }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const x = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n
  // (z + r) / s = 1: the sum is the generator, whose x is r.
  for (const message of ['a', 'b', 'c']) {
    const digest = digestOf(Buffer.from(message))
    const z = BigInt(`0x${digest.toString('hex')}`)
    const signature = der.sequence(der.integer(x), der.integer((z + x) % n))
    assert.equal(verify('sha256', Buffer.from(message), key, signature), true)
    assert.equal(isDigestSignedBy(key, digest, signature), true)
  }
})
