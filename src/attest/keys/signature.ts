import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'
import { der } from '../../der/index.ts'
import { MayflyError } from '../../lib/index.ts'

const halfBytes = 32

/** r and s, 32 bytes each (RFC 7518, section 3.4; PKCS #11), as DER. Nothing for anything else. */
export function derOfRaw(raw: Buffer): Buffer | undefined {
  if (raw.length !== 2 * halfBytes) return undefined
  return der.sequence(der.integer(raw.subarray(0, halfBytes)), der.integer(raw.subarray(halfBytes)))
}

/** The public key, if it is one of P-256. Throws `attest_key`. */
export function p256Key(spki: Buffer, describe: string): KeyObject {
  const key = readKey(spki)
  if (key?.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
    // Of several ways to write a key there is one that is pinned.
    if (key.export({ type: 'spki', format: 'der' }).equals(spki)) return key
  }
  throw new MayflyError(
    'attest_key',
    `${describe} is ${whatIs(key)}, and attestations are signed with ECDSA on P-256 alone: make such a key, and name it`,
  )
}

function readKey(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

function whatIs(key: KeyObject | undefined): string {
  if (key === undefined) return 'no key that can be read'
  const { namedCurve } = key.asymmetricKeyDetails ?? {}
  return `a key of ${namedCurve ?? key.asymmetricKeyType ?? 'another kind'}`
}

export function isSignedBy(key: KeyObject, message: Uint8Array, signature: Buffer): boolean {
  return verify('sha256', message, key, signature)
}

/** By which a key is known: SHA-256 of its SPKI, hex. */
export function keyIdOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex')
}
