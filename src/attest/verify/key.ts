import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { parseBase64 } from '../../audit/verify/index.ts'
import { DerError } from '../../der/index.ts'
import { ecKeyOf, isP256 } from './ecdsa.ts'
import type { Window } from './fields.ts'
import type { Trust, TrustedKey } from './model.ts'
import { Refusal } from './refusal.ts'

export interface PublicKey {
  readonly key: KeyObject
  readonly spki: Buffer
  /** SHA-256 of the SPKI, hex. */
  readonly keyId: string
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A P-256 key in PEM (`BEGIN PUBLIC KEY`). Throws `Refusal`. */
export function keyOfPem(pem: unknown): PublicKey {
  const text = typeof pem === 'string' && pem.length < 4096 ? pem.trim() : ''
  const lines = /^-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)\r?\n-----END PUBLIC KEY-----$/.exec(
    text,
  )
  // In one way alone, as everywhere: other readers of PEM refuse stray bits, padding that lacks, and text behind it.
  const spki = parseBase64(lines?.[1]?.replaceAll(/\r?\n/g, '') ?? '')
  if (spki === undefined || spki.length === 0) throw new Refusal('bad_root', 'it is no public key in PEM')
  return keyOfSpki(Buffer.from(spki))
}

/** A P-256 key in DER. Throws `Refusal`. */
export function keyOfSpki(spki: Buffer): PublicKey {
  try {
    const key = ecKeyOf(spki)
    if (isP256(key)) return { key, spki, keyId: sha256Hex(spki) }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new Refusal('bad_root', `it is no public key: ${cause.message}`, { cause })
  }
  throw new Refusal('bad_root', 'the public key is not P-256')
}

/** Of an Ed25519 key in DER. Throws `Refusal`. */
export function ed25519Of(spki: Buffer): { key: KeyObject; raw: Buffer } {
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    if (key.asymmetricKeyType === 'ed25519' && key.export({ type: 'spki', format: 'der' }).equals(spki))
      return { key, raw: spki.subarray(-32) }
  } catch (cause) {
    throw new Refusal('bad_root', 'the key of a log is none', { cause })
  }
  throw new Refusal('bad_root', 'the key of a log is not Ed25519')
}

const nobody: Trust = {
  ...{ authorities: [], timestampAuthorities: [], logs: [], certificateLogs: [], keys: [], revoked: [] },
}
const always: Window = { startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY }

/** Trusts what this key signed: to be joined with a root that names the log and the timestamp authority. Throws `Refusal`. */
export function trustKey(publicKeyPem: string, validFor: Window = always): Trust {
  const key: TrustedKey = { ...keyOfPem(publicKeyPem), validFor }
  return { ...nobody, keys: [key] }
}

/**
 * All of them at once. An authority of one may then stand beside a log of another: join only what one party trusts as one.
 */
export function joinTrust(...trusts: readonly Trust[]): Trust {
  return trusts.reduce(
    (all, one) => ({
      authorities: [...all.authorities, ...one.authorities],
      timestampAuthorities: [...all.timestampAuthorities, ...one.timestampAuthorities],
      logs: [...all.logs, ...one.logs],
      certificateLogs: [...all.certificateLogs, ...one.certificateLogs],
      keys: [...all.keys, ...one.keys],
      revoked: [...all.revoked, ...one.revoked],
    }),
    nobody,
  )
}
