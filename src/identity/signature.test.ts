import assert from 'node:assert/strict'
import { constants, createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { signatureAlgorithms } from './compact-token.ts'
import { b64, makeKey, reasonOf, setup, signRaw, type TestKey } from './issuer.fixture.ts'

function hmac(alg: string, key: TestKey, secret: string | Buffer, claims: string): string {
  const input = `${b64(JSON.stringify({ alg, kid: key.kid }))}.${b64(claims)}`
  return `${input}.${b64(createHmac(alg.replace('HS', 'sha'), secret).update(input).digest())}`
}

test('refused: HMAC with the public key as the secret, in every form of it', async () => {
  const { issuer, verifier, claims } = setup()
  const key = makeKey('rsa', 'RS256')
  issuer.keys = [key.jwk]
  const pem = key.publicKey.export({ format: 'pem', type: 'spki' })
  const der = key.publicKey.export({ format: 'der', type: 'spki' })
  for (const secret of [
    pem,
    pem.trim(),
    der,
    JSON.stringify(key.jwk),
    String(key.jwk.n),
    Buffer.from(String(key.jwk.n), 'base64url'),
    '',
  ]) {
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      assert.equal(reasonOf(await verifier.verify(hmac(alg, key, secret, claims()))), 'algorithm_refused')
    }
  }
})

test('refused: an algorithm that is not the key’s', async () => {
  const { verify, issuer, verifier, claims } = setup()
  for (const alg of ['RS256', 'ES384', 'EdDSA', 'PS256'])
    assert.equal((await verify({}, { alg })).ok, false, alg)
  const rsa = makeKey('rsa', 'RS256')
  issuer.keys = [rsa.jwk]
  assert.equal((await verifier.verify(signRaw(rsa, claims(), { alg: 'ES256' }))).ok, false)
})

test('refused: signed by a stranger who knows the kid', async () => {
  const { verifier, claims } = setup()
  assert.equal(reasonOf(await verifier.verify(signRaw(makeKey('key-1'), claims()))), 'signature_invalid')
})

test('refused: ES256 with a signature of zeros, of ones, or of the order (CVE-2022-21449)', async () => {
  const { verifier, key, claims } = setup()
  const [header, payload] = signRaw(key, claims()).split('.')
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  for (const signature of [
    Buffer.alloc(64),
    Buffer.alloc(64, 0xff),
    Buffer.concat([order, order]),
    Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32)]),
    Buffer.alloc(0),
    Buffer.alloc(63),
    Buffer.alloc(65),
  ])
    assert.equal(
      reasonOf(await verifier.verify(`${header}.${payload}.${b64(signature)}`)),
      'signature_invalid',
      signature.toString('hex'),
    )
})

test('refused: a signature in DER, which is another writing of a good one', async () => {
  const { verifier, key, claims } = setup()
  const [header, payload] = signRaw(key, claims()).split('.')
  const der = sign('sha256', Buffer.from(`${header}.${payload}`), { key: key.privateKey, dsaEncoding: 'der' })
  assert.equal(reasonOf(await verifier.verify(`${header}.${payload}.${b64(der)}`)), 'signature_invalid')
})

test('the other signature that ECDSA allows (r, n - s) makes no second token: the id is the same', async () => {
  for (const changes of [{ jti: 'once' }, { jti: undefined }]) {
    const { verifier, key, claims } = setup({ kind: 'oidc', url: 'https://ci.example.com', pins: ['sub'] })
    const good = signRaw(key, claims(changes))
    const [header, payload, signature = ''] = good.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
    const [one, two] = await Promise.all(
      [good, `${header}.${payload}.${b64(other)}`].map((text) => verifier.verify(text)),
    )
    assert.ok(one?.ok && two?.ok)
    assert.equal(two.identity.tokenId, one.identity.tokenId)
  }
})

test('refused: a key on another curve than the algorithm’s', async () => {
  const { verifier, issuer, claims } = setup()
  for (const namedCurve of ['P-384', 'P-521', 'secp256k1']) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'curve', use: 'sig' }
    issuer.keys = [
      { ...jwk, alg: 'ES256' },
      { ...jwk, kid: 'other' },
    ]
    const key: TestKey = { kid: 'curve', alg: 'ES256', privateKey, publicKey, jwk }
    assert.equal((await verifier.verify(signRaw(key, claims()))).ok, false, namedCurve)
    assert.equal((await verifier.verify(signRaw(key, claims(), { kid: 'other' }))).ok, false, namedCurve)
  }
})

test('refused: a key whose alg is another than the token’s, and one whose alg is not of its type', async () => {
  const rsa = makeKey('rsa', 'RS256')
  for (const alg of ['PS256', 'RS512', 'ES256', 'HS256', 'none']) {
    const { issuer, verifier, claims } = setup()
    issuer.keys = [{ ...rsa.jwk, alg }]
    assert.equal(reasonOf(await verifier.verify(signRaw(rsa, claims()))), 'key_unknown', alg)
  }
})

test('refused: an RSA key of less than 2048 bits (RFC 7518, section 3.3)', async () => {
  const { issuer, verifier, claims } = setup()
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'short', use: 'sig' }
  issuer.keys = [jwk]
  const key: TestKey = { kid: 'short', alg: 'RS256', privateKey, publicKey, jwk }
  assert.equal((await verifier.verify(signRaw(key, claims()))).ok, false)
})

test('refused: no kid where the issuer has several keys; with one it is that one', async () => {
  const { issuer, verify, clock } = setup()
  assert.equal(reasonOf(await verify({}, { kid: undefined })), 'accepted')
  issuer.keys.push(makeKey('key-2').jwk)
  clock.ms += 600_000
  assert.equal(reasonOf(await verify({}, { kid: undefined })), 'key_unknown')
})

test('refused: an RSA signature whose leading zero was left out, which is another writing of a good one', async () => {
  const rsa = makeKey('rsa', 'RS256')
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  const { issuer, verifier, claims } = setup()
  issuer.keys = [{ ...rsa.jwk, alg: 'PS256' }]
  const input = `${b64(JSON.stringify({ alg: 'PS256', kid: 'rsa' }))}.${b64(claims())}`
  const make = () => sign('sha256', Buffer.from(input), { key: rsa.privateKey, ...padding })
  let signature = make()
  // One in 256 begins with a zero.
  while (signature[0] !== 0) signature = make()
  assert.equal(reasonOf(await verifier.verify(`${input}.${b64(signature)}`)), 'accepted')
  assert.equal(reasonOf(await verifier.verify(`${input}.${b64(signature.subarray(1))}`)), 'signature_invalid')
})

test('every algorithm that is taken: what jose signed is accepted, with another bit or another algorithm it is not', async () => {
  for (const alg of signatureAlgorithms) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const { issuer, verifier, claims } = setup()
    issuer.keys = [{ ...(await exportJWK(publicKey)), kid: 'k' }]
    const token = await new CompactSign(Buffer.from(claims()))
      .setProtectedHeader({ alg, kid: 'k' })
      .sign(privateKey)
    assert.equal(reasonOf(await verifier.verify(token)), 'accepted', alg)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const flipped = Buffer.from(signature, 'base64url')
    flipped[flipped.length - 1]! ^= 1
    assert.equal(
      reasonOf(await verifier.verify(`${header}.${payload}.${b64(flipped)}`)),
      'signature_invalid',
      alg,
    )
    for (const other of signatureAlgorithms.filter((one) => one !== alg)) {
      const renamed = `${b64(JSON.stringify({ alg: other, kid: 'k' }))}.${payload}.${signature}`
      assert.equal((await verifier.verify(renamed)).ok, false, `${alg} as ${other}`)
    }
  }
})
