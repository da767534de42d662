import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pemOf } from './attestation-log.fixture.ts'
import { createKeySigner, makeAuthority, readAuthority } from './index.ts'
import { issueLeaf } from './leaf.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-leaf-'))
after(() => rmSync(folder, { recursive: true }))
const newKey = () => createKeySigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'k')
const nowMs = Date.now()
const year = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 365 * 86_400_000 }
const who = {
  san: 'https://github.com/octo/app/.github/workflows/x.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: {
    sourceRepositoryIdentifier: '74',
    sourceRepositoryRef: 'refs/heads/käfer',
    subject: 'repo:octo/app',
  },
}
const file = (name: string, certificate: Buffer) => {
  const path = join(folder, name)
  writeFileSync(path, pemOf(certificate))
  return path
}
const text = (path: string) =>
  execFileSync('openssl', ['x509', '-in', path, '-noout', '-text', '-certopt', 'ext_parse'], {
    encoding: 'utf8',
  })

test('openssl reads the CA and the leaf, and verifies one by the other for code signing alone', async () => {
  const authority = await makeAuthority('ci.example.com', year, newKey())
  const leaf = await issueLeaf(authority, who, nowMs)
  const [ca, of] = [file('ca.pem', authority.certificate), file('leaf.pem', leaf.certificate)]
  const verify = (purpose: string) =>
    spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, of], {
      encoding: 'utf8',
    })
  // OpenSSL 3.0 knows no purpose for code signing; `any` checks the chain, and a server's is not among its uses.
  assert.match(verify('any').stdout, /OK/)
  assert.notEqual(verify('sslserver').status, 0)
  const authorityText = text(ca)
  assert.match(authorityText, /CA:TRUE, pathlen:0/)
  assert.match(authorityText, /Issuer: O = ci\.example\.com, CN = attestation CA [0-9a-f]{16}/)
  const leafText = text(of)
  assert.match(leafText, /Subject: *\n/)
  assert.match(leafText, /Key Usage: critical\s+Digital Signature\n/)
  assert.match(leafText, /Extended Key Usage:\s+Code Signing\n/)
  assert.match(leafText, new RegExp(`Alternative Name: critical\\s+URI:${who.san.replaceAll('.', '\\.')}\n`))
  // Raw bytes are no DER, which is how Fulcio writes this one.
  assert.match(leafText, /1\.3\.6\.1\.4\.1\.57264\.1\.1:\s+(?:Error in encoding\s+)?https:\/\/token\.actions/)
  assert.match(leafText, /57264\.1\.8:\s+0:\S* .* UTF8STRING *:https:\/\/token\.actions/)
  assert.match(leafText, /57264\.1\.15:\s+0:\S* .* UTF8STRING *:74/)
  assert.doesNotMatch(leafText, /57264\.1\.9:/)
})

test('a leaf is good for ten minutes, has a serial number of 160 bits, and is never the same twice', async () => {
  const authority = await makeAuthority('ci.example.com', year, newKey())
  const leaves = [await issueLeaf(authority, who, nowMs), await issueLeaf(authority, who, nowMs)]
  const [one, other] = leaves.map(({ certificate }) => new X509Certificate(certificate))
  assert.ok(one !== undefined && other !== undefined)
  assert.equal(one.validToDate.getTime() - one.validFromDate.getTime(), 600_000)
  assert.equal(one.serialNumber.length, 40)
  assert.notEqual(one.serialNumber, other.serialNumber)
  assert.notDeepEqual(one.publicKey.export({ format: 'jwk' }), other.publicKey.export({ format: 'jwk' }))
})

test('a leaf never outlives its CA', async () => {
  const short = { notBeforeMs: year.notBeforeMs, notAfterMs: nowMs + 30_000 }
  const { certificate } = await issueLeaf(await makeAuthority('x', short, newKey()), who, nowMs)
  assert.equal(
    new X509Certificate(certificate).validToDate.getTime(),
    Math.floor(short.notAfterMs / 1000) * 1000,
  )
})

test('a CA that was kept is read again, and not with another key or another kind of certificate', async () => {
  const key = newKey()
  const authority = await makeAuthority('x', year, key)
  const read = await readAuthority(authority.certificate, key)
  assert.equal(read?.notAfterMs, authority.notAfterMs)
  assert.equal(await readAuthority(authority.certificate, newKey()), undefined)
  assert.equal(await readAuthority(Buffer.from('x'), key), undefined)
  const leaf = await issueLeaf(authority, who, nowMs)
  assert.equal(await readAuthority(leaf.certificate, createKeySigner(leaf.privateKey, 'leaf')), undefined)
})

test('a key that is not on P-256 is refused, and one that is signs as openssl verifies', async () => {
  for (const other of [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
  ])
    assert.throws(() => createKeySigner(other, 'k'), { code: 'bad_input' })
  const signer = createKeySigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'k')
  const [key, data, signature] = ['key', 'data', 'sig'].map((name) => join(folder, name))
  assert.ok(key !== undefined && data !== undefined && signature !== undefined)
  const spki = createPublicKey({ key: await signer.publicKey(), format: 'der', type: 'spki' })
  writeFileSync(key, spki.export({ type: 'spki', format: 'pem' }))
  writeFileSync(data, 'x')
  writeFileSync(signature, await signer.sign(Buffer.from('x')))
  assert.match(
    execFileSync('openssl', ['dgst', '-sha256', '-verify', key, '-signature', signature, data], {
      encoding: 'utf8',
    }),
    /Verified OK/,
  )
})
