import { hash } from 'node:crypto'

/** Bytes of one hash; every hash of the log is SHA-256. */
export const hashBytes = 32

/** The root of a tree without entries: SHA-256 of nothing (RFC 6962, section 2.1). */
export function emptyRoot(): Buffer {
  return hash('sha256', '', 'buffer')
}

/** The hash of an entry: SHA-256(0x00 || entry) (RFC 6962, section 2.1). */
export function leafHash(entry: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(entry.length + 1)
  input[0] = 0
  input.set(entry, 1)
  return hash('sha256', input, 'buffer')
}

/** The hash of two subtrees: SHA-256(0x01 || left || right) (RFC 6962, section 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + 2 * hashBytes)
  input[0] = 1
  input.set(left, 1)
  input.set(right, 1 + hashBytes)
  return hash('sha256', input, 'buffer')
}

/**
 * The bytes of canonical standard base64, or `undefined`. Buffer alone skips what it does not know, so that
 * many texts would be one value: a signature could be changed without being broken.
 */
export function parseBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
