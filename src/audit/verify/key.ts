import { base64Of, bytesOfHex, concatBytes, equalBytes, hexOf, parseBase64, utf8 } from './bytes.ts'
import { ed25519Check, type CheckSignature } from './ed25519.ts'
import { sha256 } from './sha256.ts'

/** What a key of this name signs: notes as a whole, or, with a time, the checkpoints of others (tlog-cosignature). */
export type KeyType = 'note' | 'cosignature'

const typeBytes: Readonly<Record<KeyType, number>> = { note: 0x01, cosignature: 0x04 }

/** The public half of a signed-note key: Ed25519, named. */
export interface Verifier {
  readonly name: string
  readonly type: KeyType
  /** Four bytes, see `keyIdOf`. */
  readonly keyId: Uint8Array
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly check: CheckSignature
}

/** True for a name that a key may have: not empty, no space and no plus (signed-note, "Format"). */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= 253 && /^[^\s+\p{C}]+$/u.test(name)
}

/** SHA-256(name || 0x0A || type || public key)[:4] (signed-note, "Signatures"; tlog-cosignature, "Format"). */
export function keyIdOf(name: string, type: KeyType, publicKey: Uint8Array): Uint8Array {
  const input = concatBytes([utf8(`${name}\n`), Uint8Array.of(typeBytes[type]), publicKey])
  return sha256(input).subarray(0, 4)
}

/** `name+hex8+base64(type || public key)` (signed-note, "Verifier keys"). */
export function encodeVerifierKey(name: string, type: KeyType, publicKey: Uint8Array): string {
  return encodeKey(name, type, keyIdOf(name, type, publicKey), publicKey)
}

/** The same form around any 32 bytes, public key or seed. */
export function encodeKey(name: string, type: KeyType, keyId: Uint8Array, key: Uint8Array): string {
  return `${name}+${hexOf(keyId)}+${base64Of(concatBytes([Uint8Array.of(typeBytes[type]), key]))}`
}

/** The verifier that a vkey names; `undefined` when malformed, of another type, or its id is not its key's. */
export function parseVerifierKey(text: string): Verifier | undefined {
  const parsed = parseKey(text.trim())
  if (parsed === undefined) return undefined
  const { name, type, keyId, key } = parsed
  if (!equalBytes(keyIdOf(name, type, key), keyId)) return undefined
  return { name, type, keyId, publicKey: key, check: ed25519Check(key) }
}

/** The same public key as a cosigner: a log of Mayfly's adds the time to its checkpoints under its own key. */
export function cosignerOf({ name, publicKey, check }: Verifier): Verifier {
  return { name, type: 'cosignature', keyId: keyIdOf(name, 'cosignature', publicKey), publicKey, check }
}

/** The parts of such a text, its id not compared; `undefined` when malformed or longer than 512 characters. */
export function parseKey(
  text: string,
): { name: string; type: KeyType; keyId: Uint8Array; key: Uint8Array } | undefined {
  if (text.length > 512) return undefined
  // The name holds no plus, but the base64 may: only the first two separate.
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text)
  if (match === null) return undefined
  const [, name = '', id = '', encoded = ''] = match
  const data = parseBase64(encoded)
  const type = (['note', 'cosignature'] as const).find((one) => typeBytes[one] === data?.[0])
  if (!isKeyName(name) || data === undefined || type === undefined || data.length !== 33) return undefined
  return { name, type, keyId: bytesOfHex(id), key: data.subarray(1) }
}
