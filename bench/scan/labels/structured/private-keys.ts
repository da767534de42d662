import { createECDH, createPrivateKey, createPublicKey, checkPrimeSync, type KeyObject } from 'node:crypto'
import { Random } from '../random.ts'

/** Keys that are the same ones for the same seed, which Node's own generator does not give. They are real, and of no use. */

export function ed25519Key(random: Random): KeyObject {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ key: Buffer.concat([head, random.bytes(32)]), format: 'der', type: 'pkcs8' })
}

export function p256Key(random: Random): KeyObject {
  const ecdh = createECDH('prime256v1')
  const secret = random.bytes(32)
  secret[0] = 1
  ecdh.setPrivateKey(secret)
  const point = ecdh.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)]
  const key = { kty: 'EC', crv: 'P-256', x: url(x), y: url(y), d: url(secret) }
  return createPrivateKey({ key, format: 'jwk' })
}

export function rsaKey(random: Random): KeyObject {
  const e = 65_537n
  const [p = 0n, q = 0n] = random.some(primes(), 2)
  const d = inverse(e, (p - 1n) * (q - 1n))
  const parts = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
  const written = Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [name, url(bytesOf(value))]),
  )
  return createPrivateKey({ key: { kty: 'RSA', ...written }, format: 'jwk' })
}

/** As ssh-keygen writes it without a passphrase. */
export function openSshKey(random: Random, comment: string): string {
  const { x = '', d = '' } = ed25519Key(random).export({ format: 'jwk' })
  const point = Buffer.from(x, 'base64url')
  const type = field('ssh-ed25519')
  const check = random.bytes(4)
  const both = Buffer.concat([Buffer.from(d, 'base64url'), point])
  const secret = Buffer.concat([check, check, type, field(point), field(both), field(comment)])
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1))
  const body = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), field('none'), field('none'), field(''), Buffer.from([0, 0, 0, 1])],
    ...[field(Buffer.concat([type, field(point)])), field(Buffer.concat([secret, padding]))],
  ])
  return armour('OPENSSH PRIVATE KEY', body, 70)
}

export function openSshPublic(random: Random): string {
  const { x = '' } = createPublicKey(ed25519Key(random)).export({ format: 'jwk' })
  const body = Buffer.concat([field('ssh-ed25519'), field(Buffer.from(x, 'base64url'))])
  return `ssh-ed25519 ${body.toString('base64')}`
}

export function armour(title: string, body: Buffer, width = 64): string {
  const lines = body.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? []
  return [`-----BEGIN ${title}-----`, ...lines, `-----END ${title}-----`].join('\n')
}

/** A length of four bytes before it, as SSH has it. */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

let found: bigint[] | undefined

/** A prime costs a tenth of a second, so that all keys are pairs out of eight. */
function primes(): bigint[] {
  found ??= Array.from({ length: 8 }, (_, i) => prime(new Random(`prime:${i}`)))
  return found
}

function prime(random: Random): bigint {
  for (;;) {
    const bytes = random.bytes(128)
    bytes[0] = (bytes[0] ?? 0) | 0xc0
    bytes[127] = (bytes[127] ?? 0) | 1
    const candidate = BigInt(`0x${bytes.toString('hex')}`)
    const small = [3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n, 43n, 47n, 53n, 59n, 61n, 67n, 71n]
    if (small.some((divisor) => candidate % divisor === 0n) || candidate % 65_537n === 1n) continue
    if (checkPrimeSync(candidate)) return candidate
  }
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [value % modulus, modulus]
  let [x, y] = [1n, 0n]
  while (b > 0n) {
    const times = a / b
    ;[a, b] = [b, a % b]
    ;[x, y] = [y, x - times * y]
  }
  return ((x % modulus) + modulus) % modulus
}

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

const url = (bytes: Buffer): string => bytes.toString('base64url')
