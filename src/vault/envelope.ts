import { randomBytes } from 'node:crypto'
import { MayflyError, Secret } from '../lib/index.ts'
import { decrypt, encrypt, keyBytes, sealedKeyBytes } from './cipher.ts'

/** The keys that values are sealed with. */
export interface KeyRing {
  /** What seals from now on. Throws `vault_sealed`. */
  newest(): RingKey
  /** Throws `vault_sealed`, or `vault_key` if the ring has no such key. */
  key(id: number): Secret<Buffer>
}

export interface RingKey {
  readonly id: number
  readonly key: Secret<Buffer>
}

/** A ring, or a single key, which is key 0. */
export type VaultKey = KeyRing | Secret<Buffer>

/** Format 1 had no id: it was sealed by the key file's key, which is key 0 of the ring. */
const [withoutId, withId] = [1, 2]
const idBytes = 4

/**
 * Seals bytes: a fresh data key encrypts them, the ring's newest key encrypts the data key (AES-256-GCM; a data key is used
 * once). `context` is authenticated, so a sealed value cannot be moved to another name or version.
 * Shape: 2 (1) || id of the ring's key (4, big-endian) || sealed data key (12+32+16) || sealed value (12+n+16).
 */
export function seal(keys: VaultKey, context: string, value: Buffer): Buffer {
  const { id, key } = ringOf(keys).newest()
  const dataKey = randomBytes(keyBytes)
  const sealedKey = encrypt(key.reveal(), `key:${context}`, dataKey)
  const sealedValue = encrypt(dataKey, `value:${context}`, value)
  dataKey.fill(0)
  return Buffer.concat([headOf(id), sealedKey, sealedValue])
}

/**
 * Opens what `seal` made, also in format 1. Throws `vault_sealed` while the ring is, and `vault_key` if the key, the context or a
 * single bit is another.
 */
export function openSealed(keys: VaultKey, context: string, sealed: Uint8Array): Secret<Buffer> {
  const bytes = Buffer.from(sealed)
  const id = keyIdOf(bytes)
  try {
    if (id === undefined) throw new Error(`format ${bytes[0]}`)
    const from = bytes[0] === withId ? 1 + idBytes : 1
    const key = ringOf(keys).key(id)
    const dataKey = decrypt(key.reveal(), `key:${context}`, bytes.subarray(from, from + sealedKeyBytes))
    return new Secret(decrypt(dataKey, `value:${context}`, bytes.subarray(from + sealedKeyBytes)))
  } catch (cause) {
    if (cause instanceof MayflyError && cause.code === 'vault_sealed') throw cause
    throw new MayflyError(
      'vault_key',
      `${context} does not open with this vault key: restore the key file that belongs to this data folder`,
      { cause },
    )
  }
}

/** How each value begins that is sealed by this key: of two keys, the older one's values sort before the newer one's. */
export function headOf(id: number): Buffer {
  const head = Buffer.alloc(1 + idBytes)
  head.writeUInt8(withId, 0)
  head.writeUInt32BE(id, 1)
  return head
}

/** Which key of the ring sealed it; nothing for what is no sealed value. */
export function keyIdOf(sealed: Uint8Array): number | undefined {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes[0] === withoutId) return 0
  return bytes[0] === withId && bytes.length > idBytes ? bytes.readUInt32BE(1) : undefined
}

function ringOf(keys: VaultKey): KeyRing {
  if (!(keys instanceof Secret)) return keys
  return {
    newest: () => ({ id: 0, key: keys }),
    key(id) {
      if (id === 0) return keys
      throw new MayflyError('vault_key', `there is key 0 alone, and no key ${id}`)
    },
  }
}
