import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  scryptSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { der } from '../../der/index.ts'
import { MayflyError } from '../../lib/index.ts'

/*
 * A root key in a file: PKCS#8, encrypted with a passphrase (RFC 8018, PBES2 with scrypt of RFC 7914 and AES-256-CBC), which
 * `openssl pkey -in FILE` opens as well.
 */

/** 16 MiB at a time: openssl lets a file ask for no more than 32. Five times over is what OWASP says for that much. */
const scrypt = { N: 16_384, r: 8, p: 5 } as const
const keyBytes = 32
export const leastPassphrase = 12

const oid = {
  pbes2: der.oid('1.2.840.113549.1.5.13'),
  scrypt: der.oid('1.3.6.1.4.1.11591.4.11'),
  aes256Cbc: der.oid('2.16.840.1.101.3.4.1.42'),
}

/** A new key, as the text of its file. Throws `bad_input` for a passphrase that is guessed too fast. */
export function makeRootKey(passphrase: string): { readonly file: string; readonly publicKey: string } {
  if (passphrase.length < leastPassphrase)
    throw new MayflyError(
      'bad_input',
      `the passphrase of a root key has at least ${leastPassphrase} characters: whoever finds the file guesses as fast as he can`,
    )
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const file = encrypted(privateKey.export({ type: 'pkcs8', format: 'der' }), passphrase)
  return { file, publicKey: publicPem(publicKey) }
}

function encrypted(pkcs8: Buffer, passphrase: string): string {
  const [salt, iv] = [randomBytes(16), randomBytes(16)]
  const key = scryptSync(passphrase, salt, keyBytes, { ...scrypt, maxmem: 64 * 1_048_576 })
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const text = Buffer.concat([cipher.update(pkcs8), cipher.final()])
  key.fill(0)
  pkcs8.fill(0)
  const derivation = der.sequence(
    ...[der.octets(salt), der.integer(scrypt.N), der.integer(scrypt.r), der.integer(scrypt.p)],
    der.integer(keyBytes),
  )
  const scheme = der.sequence(
    der.sequence(oid.scrypt, derivation),
    der.sequence(oid.aes256Cbc, der.octets(iv)),
  )
  const whole = der.sequence(der.sequence(oid.pbes2, scheme), der.octets(text))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN ENCRYPTED PRIVATE KEY-----', ...lines, '-----END ENCRYPTED PRIVATE KEY-----', ''].join(
    '\n',
  )
}

/** Throws `bad_input` for another passphrase, a file that was changed, and a key that is not on P-256. */
export function openRootKey(file: string, passphrase: string): KeyObject {
  const key = opened(file, passphrase)
  if (key?.asymmetricKeyDetails?.namedCurve !== 'prime256v1' || !isWhole(key))
    throw new MayflyError(
      'bad_input',
      'the root key does not open: another passphrase, or not the file that `mayfly attest root init` made',
    )
  return key
}

function opened(file: string, passphrase: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: file, format: 'pem', passphrase })
  } catch {
    // What is wrong with it stays untold: the message might repeat a part of the key.
    return undefined
  }
}

/** The encryption does not notice a changed bit: then the private part is not that of the public part beside it. */
function isWhole(key: KeyObject): boolean {
  const text = Buffer.from('mayfly root key')
  return verify('sha256', text, createPublicKey(key), sign('sha256', text, key))
}

export function publicPem(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ type: 'spki', format: 'pem' })
}
