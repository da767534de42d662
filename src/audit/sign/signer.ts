import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { encodeKey, encodeVerifierKey, isKeyName, keyIdOf, type KeyType, parseKey } from '../verify/index.ts'

/** An Ed25519 key with its name; `verifierKey` is its public half as text. */
export interface Signer {
  readonly name: string
  readonly type: KeyType
  readonly keyId: Uint8Array
  readonly verifierKey: string
  /** 64 bytes (RFC 8032). */
  sign(message: Uint8Array): Uint8Array
  /** `PRIVATE+KEY+name+hex8+base64(type || seed)`, as golang.org/x/mod/sumdb/note writes it. */
  encode(): string
  /** The same key for another type of signature. */
  as(type: KeyType): Signer
}

const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A signer from 32 random bytes. Throws a RangeError for a name that no key may have. */
export function createSigner(name: string, seed: Uint8Array, type: KeyType = 'note'): Signer {
  if (!isKeyName(name) || seed.length !== 32) throw new RangeError('a signer needs a key name and 32 bytes')
  const der = Buffer.concat([pkcs8Prefix, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32)
  const keyId = keyIdOf(name, type, publicKey)
  return {
    name,
    type,
    keyId,
    verifierKey: encodeVerifierKey(name, type, publicKey),
    sign: (message) => sign(null, message, privateKey),
    encode: () => `PRIVATE+KEY+${encodeKey(name, type, keyId, seed)}`,
    as: (other) => createSigner(name, seed, other),
  }
}

/** The signer in such a text; `undefined` when malformed or when its id is not its key's. */
export function parseSignerKey(text: string): Signer | undefined {
  const match = /^PRIVATE\+KEY\+(.*)$/s.exec(text.trim())
  const parsed = parseKey(match?.[1] ?? '')
  if (parsed === undefined) return undefined
  const signer = createSigner(parsed.name, parsed.key, parsed.type)
  return signer.keyId.every((byte, i) => byte === parsed.keyId[i]) ? signer : undefined
}
