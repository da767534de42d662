import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { unguessable } from '../../lib/index.ts'
import { parseBase64 } from '../verify/index.ts'

/** Names of one person in one entry, by their path in its data: `actor.login`. */
export type Names = Readonly<Record<string, string>>

/** A set of names as it stands beside the log. `key` opens it, and is kept apart. All base64. */
export interface SealedNames {
  person: string
  key: string
  box: string
}

/** Entries whose names share a file. */
export const namesPerFile = 65_536

export function isPersonId(text: string): boolean {
  return /^per_[0-9a-hjkmnp-tv-z]{24}$/.test(text)
}

/**
 * What the leaf holds instead of a name: HMAC-SHA256 under the person's key of `mayfly-commitment/v1`, entry id, path and
 * name, each but the last ended by a newline. The key is 32 random bytes, so a name cannot be guessed; the id makes two
 * commitments to one name different.
 */
export function commitTo(key: Uint8Array, entryId: string, path: string, name: string): string {
  return createHmac('sha256', key)
    .update(`mayfly-commitment/v1\n${entryId}\n${path}\n${name}`)
    .digest('base64')
}

/** AES-256-GCM: nonce (12 bytes), ciphertext, tag (16), in base64; bound to person and entry. */
export function sealNames(key: Uint8Array, person: string, entryId: string, names: Names): string {
  const nonce = unguessable().subarray(0, 12)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(key), nonce)
  cipher.setAAD(Buffer.from(`${person}\n${entryId}`))
  const text = Buffer.concat([cipher.update(JSON.stringify(names)), cipher.final()])
  return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64')
}

/** The names in such a box; `undefined` when it was not sealed with this key for this person and entry, or holds anything but names. */
export function openNames(key: Uint8Array, person: string, entryId: string, box: string): Names | undefined {
  // Only as it was written: in any other spelling a bit of it could be changed unseen.
  const bytes = parseBase64(box)
  if (bytes === undefined || bytes.length < 28) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealingKey(key), bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(`${person}\n${entryId}`))
    decipher.setAuthTag(bytes.subarray(-16))
    const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString()
    const names: unknown = JSON.parse(text)
    return isNames(names) ? names : undefined
  } catch {
    return undefined
  }
}

function isNames(value: unknown): value is Names {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((name) => typeof name === 'string')
}

// One key must not serve two algorithms.
function sealingKey(key: Uint8Array): Buffer {
  return createHmac('sha256', key).update('mayfly-seal/v1').digest()
}
