import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto'
import { parseBase64 } from './hash.ts'

/** The public half of a signed-note key: Ed25519, named. */
export interface Verifier {
  readonly name: string
  /** Four bytes: SHA-256(name || 0x0A || 0x01 || public key)[:4] (signed-note, "Signatures"). */
  readonly keyId: Buffer
  readonly publicKey: KeyObject
}

/** The private half; `verifierKey` is its public half as text. */
export interface Signer {
  readonly name: string
  readonly keyId: Buffer
  readonly privateKey: KeyObject
  readonly verifierKey: string
}

const ed25519 = 0x01
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** True for a name that a key may have: not empty, no space and no plus (signed-note, "Format"). */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= 253 && /^[^\s+\p{C}]+$/u.test(name)
}

/** The id of an Ed25519 key of 32 bytes under this name. */
export function keyIdOf(name: string, publicKey: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), publicKey])
  return hash('sha256', input, 'buffer').subarray(0, 4)
}

/** `name+hex8+base64(0x01 || public key)` (signed-note, "Verifier keys"). */
export function encodeVerifierKey(name: string, publicKey: Uint8Array): string {
  const data = Buffer.concat([Buffer.of(ed25519), publicKey])
  return `${name}+${keyIdOf(name, publicKey).toString('hex')}+${data.toString('base64')}`
}

/** The verifier that a vkey names; `undefined` when malformed, not Ed25519, or its id is not its key's. */
export function parseVerifierKey(text: string): Verifier | undefined {
  const parsed = parseKeyText(text.trim())
  if (parsed === undefined) return undefined
  const { name, id, key } = parsed
  if (!keyIdOf(name, key).equals(id)) return undefined
  const spki = Buffer.concat([spkiPrefix, key])
  return { name, keyId: id, publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }) }
}

/** A signer from 32 random bytes. Throws a RangeError for a name that no key may have. */
export function createSigner(name: string, seed: Uint8Array): Signer {
  if (!isKeyName(name) || seed.length !== 32) throw new RangeError('a signer needs a key name and 32 bytes')
  const der = Buffer.concat([pkcs8Prefix, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32)
  return {
    name,
    keyId: keyIdOf(name, publicKey),
    privateKey,
    verifierKey: encodeVerifierKey(name, publicKey),
  }
}

/** `PRIVATE+KEY+name+hex8+base64(0x01 || seed)`, as golang.org/x/mod/sumdb/note writes it. */
export function encodeSignerKey(signer: Signer): string {
  const seed = signer.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
  const data = Buffer.concat([Buffer.of(ed25519), seed])
  return `PRIVATE+KEY+${signer.name}+${signer.keyId.toString('hex')}+${data.toString('base64')}`
}

/** The signer in such a text; `undefined` when malformed or when its id is not its key's. */
export function parseSignerKey(text: string): Signer | undefined {
  const match = /^PRIVATE\+KEY\+(.*)$/s.exec(text.trim())
  const parsed = parseKeyText(match?.[1] ?? '')
  if (parsed === undefined) return undefined
  const signer = createSigner(parsed.name, parsed.key)
  return signer.keyId.equals(parsed.id) ? signer : undefined
}

function parseKeyText(text: string): { name: string; id: Buffer; key: Buffer } | undefined {
  if (text.length > 512) return undefined
  // The name holds no plus, but the base64 may: only the first two separate.
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text)
  if (match === null) return undefined
  const [, name = '', id = '', encoded = ''] = match
  const data = parseBase64(encoded)
  if (!isKeyName(name) || data === undefined || data.length !== 33 || data[0] !== ed25519) return undefined
  return { name, id: Buffer.from(id, 'hex'), key: data.subarray(1) }
}
