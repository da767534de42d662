import type { KeyObject } from 'node:crypto'
import { DerError, readDer, unsignedOf } from '../../der/index.ts'
import { sequenceOf } from './certificate.ts'

/* P-256 (SEC 2, section 2.4.2). Public values alone go through here, so nothing is lost by taking time that depends on them. */
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const generator: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  z: 1n,
}

/** Jacobian: (x / z², y / z³); z = 0 is the point at infinity. */
interface Point {
  readonly x: bigint
  readonly y: bigint
  readonly z: bigint
}

/**
 * ECDSA over a SHA-256 that was computed elsewhere (SEC 1, section 4.1.4), as of a file of many GB. Node verifies only what it has hashed
 * itself. False for a signature that is not DER.
 */
export function isDigestSignedBy(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const parts = partsOf(signature)
  if (parts === undefined || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1' || digest.length !== 32)
    return false
  const { r, s } = parts
  if (r < 1n || r >= n || s < 1n || s >= n) return false
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  const inverse = inverseOf(s, n)
  const u1 = (numberOf(Buffer.from(digest)) * inverse) % n
  const point = sumOf(
    generator,
    u1,
    { x: numberOf(base64url(x)), y: numberOf(base64url(y)), z: 1n },
    (r * inverse) % n,
  )
  if (point.z === 0n) return false
  const inverseZ = inverseOf(point.z, p)
  return mod(point.x * inverseZ * inverseZ, p) % n === r
}

function partsOf(signature: Uint8Array): { r: bigint; s: bigint } | undefined {
  try {
    const [r, s, ...more] = sequenceOf(readDer(signature))
    return more.length > 0 ? undefined : { r: unsignedOf(r), s: unsignedOf(s) }
  } catch (error) {
    if (error instanceof DerError) return undefined
    throw error
  }
}

function base64url(text: string): Buffer {
  return Buffer.from(text, 'base64url')
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus
  return rest < 0n ? rest + modulus : rest
}

/** By Euclid; the modulus is a prime. */
function inverseOf(value: bigint, modulus: bigint): bigint {
  let [older, newer] = [modulus, mod(value, modulus)]
  let [a, b] = [0n, 1n]
  while (newer > 1n) {
    const times = older / newer
    ;[older, newer] = [newer, older - times * newer]
    ;[a, b] = [b, a - times * b]
  }
  return mod(b, modulus)
}

/** k × P + l × Q, both at once, bit by bit. */
function sumOf(one: Point, k: bigint, other: Point, l: bigint): Point {
  const both = add(one, other)
  let sum: Point = { x: 1n, y: 1n, z: 0n }
  for (let bit = 255n; bit >= 0n; bit--) {
    sum = double(sum)
    const [hasOne, hasOther] = [(k >> bit) & 1n, (l >> bit) & 1n]
    if (hasOne === 1n) sum = add(sum, hasOther === 1n ? both : one)
    else if (hasOther === 1n) sum = add(sum, other)
  }
  return sum
}

function double({ x, y, z }: Point): Point {
  if (z === 0n || y === 0n) return { x: 1n, y: 1n, z: 0n }
  const zz = (z * z) % p
  const yy = (y * y) % p
  const s = (4n * x * yy) % p
  // a = -3
  const m = (3n * (x - zz) * (x + zz)) % p
  const doubled = m * m - 2n * s
  return { x: mod(doubled, p), y: mod(m * (s - doubled) - 8n * yy * yy, p), z: mod(2n * y * z, p) }
}

function add(one: Point, other: Point): Point {
  if (one.z === 0n) return other
  if (other.z === 0n) return one
  const [zz1, zz2] = [(one.z * one.z) % p, (other.z * other.z) % p]
  const [u1, u2] = [(one.x * zz2) % p, (other.x * zz1) % p]
  const [s1, s2] = [(one.y * other.z * zz2) % p, (other.y * one.z * zz1) % p]
  const [h, r] = [mod(u2 - u1, p), mod(s2 - s1, p)]
  if (h === 0n) return r === 0n ? double(one) : { x: 1n, y: 1n, z: 0n }
  const hh = (h * h) % p
  const hhh = (h * hh) % p
  const v = (u1 * hh) % p
  const x = r * r - hhh - 2n * v
  return { x: mod(x, p), y: mod(r * (v - x) - s1 * hhh, p), z: (one.z * other.z * h) % p }
}
