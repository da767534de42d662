import { createHash, randomUUID } from 'node:crypto'

type Branded<Name extends string> = string & { readonly __brand: Name }

export type RunId = Branded<'RunId'>
export type StepId = Branded<'StepId'>
export type SessionId = Branded<'SessionId'>
export type LeaseId = Branded<'LeaseId'>
export type RecordingId = Branded<'RecordingId'>

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Crockford base32 without padding: safe in URLs, file names and on the telephone. */
function base32(bytes: Uint8Array, length: number): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5 && text.length < length) {
      text += alphabet[(value >>> (bits - 5)) & 31]
      bits -= 5
    }
  }
  return text
}

/**
 * 15 unguessable bytes: the random 120 bits of a UUID (RFC 9562, section 5.4), without the two digits that hold its
 * version and variant. Node keeps a store of those, so this costs a twentieth of asking the system for as many bytes.
 */
export function unguessable(): Buffer {
  const uuid = randomUUID()
  const parts = [uuid.slice(0, 8), uuid.slice(9, 13), uuid.slice(15, 18), uuid.slice(20, 23), uuid.slice(24)]
  return Buffer.from(parts.join(''), 'hex')
}

/** A new unguessable id, `PREFIX_` and 24 characters (120 random bits). */
// eslint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the brand
export function newId<Id extends string>(prefix: string): Id {
  return `${prefix}_${base32(unguessable(), 24)}` as Id
}

/**
 * A new unguessable id whose texts are in the order of their times, as ULIDs are: `PREFIX_`, 9 characters of the time
 * (milliseconds since the Unix epoch) and 15 more (75 random bits). A table grows at its end by such keys; by others it
 * changes all over, and every page of it goes to the disk again.
 */
// eslint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the brand
export function newOrderedId<Id extends string>(prefix: string, nowMs: number): Id {
  const time = Array.from({ length: 9 }, (_, i) => alphabet[Math.floor(nowMs / 32 ** (8 - i)) % 32]).join('')
  return `${prefix}_${time}${base32(unguessable(), 15)}` as Id
}

/** The id that the same parts always give; parts are length-prefixed, so no two lists collide. */
// eslint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the brand
export function idOf<Id extends string>(prefix: string, parts: readonly string[]): Id {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part, 'utf16le')
  return `${prefix}_${base32(hash.digest(), 24)}` as Id
}
