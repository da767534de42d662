import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/** 32 bytes for AES-256-GCM. */
export const keyBytes = 32
/** What `encrypt` makes of a key. */
export const sealedKeyBytes = nonceBytes + keyBytes + tagBytes

/** AES-256-GCM (NIST SP 800-38D) under a 96-bit random nonce: nonce || ciphertext || tag. `context` is authenticated. */
export function encrypt(key: Buffer, context: string, value: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()])
}

/** Throws whatever Node throws if the key, the context or a single bit is another. */
export function decrypt(key: Buffer, context: string, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
}
