import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeRootKey, openRootKey, publicPem } from './index.ts'

const passphrase = 'correct horse battery'

test('a root key opens with its passphrase, here and in openssl, and not with another', (t) => {
  const made = makeRootKey(passphrase)
  assert.equal(publicPem(openRootKey(made.file, passphrase)), made.publicKey)
  assert.throws(() => openRootKey(made.file, 'correct horse batterz'), { code: 'bad_input' })
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-root-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'root.key')
  writeFileSync(path, made.file)
  const read = execFileSync('openssl', ['pkey', '-in', path, '-passin', `pass:${passphrase}`, '-pubout'], {
    encoding: 'utf8',
  })
  assert.equal(read, made.publicKey)
  assert.doesNotMatch(made.file, /BEGIN (?:EC )?PRIVATE KEY/)
})

test('a file that was changed, or is another kind of key, does not open', () => {
  const made = makeRootKey(passphrase)
  const body = Buffer.from(made.file.split('\n').slice(1, -2).join(''), 'base64')
  const pem = (bytes: Buffer) =>
    `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`
  // Blocks of the private and of the public part, and the scheme itself.
  for (const at of [
    5,
    body.length - 1,
    body.length - 20,
    body.length - 40,
    body.length - 70,
    body.length - 90,
  ]) {
    const changed = Buffer.from(body)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(
      () => openRootKey(pem(changed), passphrase),
      { code: 'bad_input' },
      `byte ${at} of ${body.length}`,
    )
  }
  const other = generateKeyPairSync('ed25519').privateKey
  const file = other.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
  assert.throws(() => openRootKey(file, passphrase), { code: 'bad_input' })
  assert.throws(() => openRootKey('', passphrase), { code: 'bad_input' })
})

test('a passphrase that is guessed fast is refused', () => {
  assert.throws(() => makeRootKey('short'), { code: 'bad_input', message: /at least 12/ })
})
