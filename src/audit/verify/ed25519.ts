import { bytesOfHex, concatBytes } from './bytes.ts'

/** Verifies one key's signatures (RFC 8032); `signature` of another length than 64 bytes is false. */
export type CheckSignature = (message: Uint8Array, signature: Uint8Array) => Promise<boolean>

const nodeCrypto = globalThis.process?.getBuiltinModule?.('node:crypto')
const spkiPrefix = bytesOfHex('302a300506032b6570032100')

/** The check for a public key of 32 bytes: Node's own where there is Node (three times as fast), else Web Crypto. */
export function ed25519Check(publicKey: Uint8Array): CheckSignature {
  if (nodeCrypto === undefined) return webCheck(publicKey)
  const der = Buffer.from(concatBytes([spkiPrefix, publicKey]))
  const key = nodeCrypto.createPublicKey({ key: der, format: 'der', type: 'spki' })
  return async (message, signature) =>
    signature.length === 64 && nodeCrypto.verify(null, message, key, signature)
}

/** Web Cryptography API, "Ed25519"; in browsers since 2025. */
export function webCheck(publicKey: Uint8Array): CheckSignature {
  const bytes = Uint8Array.from(publicKey)
  const importing = crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify'])
  importing.catch(() => undefined)
  return async (message, signature) => {
    if (signature.length !== 64) return false
    const key = await importing
    return crypto.subtle.verify('Ed25519', key, Uint8Array.from(signature), Uint8Array.from(message))
  }
}
