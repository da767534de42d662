import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { MayflyError, Secret } from '../lib/index.ts'

/** 32 bytes for AES-256-GCM. */
export type VaultKey = Secret<Buffer>

const formatVersion = 1
const nonceBytes = 12
const tagBytes = 16
const keyBytes = 32

/**
 * Seals bytes: a fresh data key encrypts them, the vault key encrypts the data key (NIST SP 800-38D, 96-bit
 * random nonces; a data key is used once). `context` is authenticated, so a sealed value cannot be moved to
 * another name or version. Shape: format (1) || sealed data key (12+32+16) || sealed value (12+n+16).
 */
export function seal(key: VaultKey, context: string, value: Buffer): Buffer {
  const dataKey = randomBytes(keyBytes)
  const sealedKey = encrypt(key.reveal(), `key:${context}`, dataKey)
  const sealedValue = encrypt(dataKey, `value:${context}`, value)
  dataKey.fill(0)
  return Buffer.concat([Buffer.of(formatVersion), sealedKey, sealedValue])
}

/** Opens what `seal` made. Throws `vault_key` if the key, the context or a single bit is another. */
export function openSealed(key: VaultKey, context: string, sealed: Uint8Array): Secret<Buffer> {
  const bytes = Buffer.from(sealed)
  const keyEnd = 1 + nonceBytes + keyBytes + tagBytes
  try {
    if (bytes[0] !== formatVersion) throw new Error(`format ${bytes[0]}`)
    const dataKey = decrypt(key.reveal(), `key:${context}`, bytes.subarray(1, keyEnd))
    return new Secret(decrypt(dataKey, `value:${context}`, bytes.subarray(keyEnd)))
  } catch (cause) {
    throw new MayflyError(
      'vault_key',
      `${context} does not open with this vault key: restore the key file that belongs to this data folder`,
      { cause },
    )
  }
}

function encrypt(key: Buffer, context: string, value: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, context: string, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
}
