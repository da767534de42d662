import { held, heldIf, doubtful, type Verdict } from './verdict.ts'

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function valuesOf(text: string, alphabet: string): number[] {
  return Array.from(text, (one) => alphabet.indexOf(one))
}

function bitsOf(text: string, alphabet: string): bigint {
  return valuesOf(text, alphabet).reduce((all, value) => all * BigInt(alphabet.length) + BigInt(value), 0n)
}

/**
 * The account stands in the 40 bits behind the first one of an access key's own part (Tal Be'ery, "A short note on AWS KEY ID",
 * 2023). Keys of before 2019 (`AKIAI`, `AKIAJ`) have none in it: their first bit is not set.
 */
export function checkAwsAccount(secret: string): Verdict {
  const own = secret.slice(4, 14)
  if (!/^[A-Z2-7]{10}$/.test(own)) return doubtful
  const bits = bitsOf(own, base32)
  if (bits >> 49n === 0n) return doubtful
  const account = (bits >> 9n) & 0xffffffffffn
  if (account > 999_999_999_999n) return doubtful
  return { ...held, note: `AWS account ${String(account).padStart(12, '0')}` }
}

const bech32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

/** BIP 173: what age writes its keys in. */
function polymod(values: readonly number[]): number {
  return values.reduce((sum, value) => {
    const top = sum >>> 25
    const next = (((sum & 0x1ffffff) << 5) ^ value) >>> 0
    return generators.reduce((all, one, bit) => ((top >> bit) & 1 ? (all ^ one) >>> 0 : all), next)
  }, 1)
}

function prefixValues(prefix: string): number[] {
  const bytes = [...Buffer.from(prefix.toLowerCase(), 'latin1')]
  return [...bytes.map((byte) => byte >> 5), 0, ...bytes.map((byte) => byte & 31)]
}

/** Six characters, in lower case. */
export function bech32Sum(prefix: string, data: string): string {
  const values = valuesOf(data.toLowerCase(), bech32)
  const sum = polymod([...prefixValues(prefix), ...values, 0, 0, 0, 0, 0, 0]) ^ 1
  return [25, 20, 15, 10, 5, 0].map((shift) => bech32.charAt((sum >>> shift) & 31)).join('')
}

export function checkBech32(secret: string): Verdict {
  const at = secret.lastIndexOf('1')
  const values = valuesOf(secret.slice(at + 1).toLowerCase(), bech32)
  return heldIf(polymod([...prefixValues(secret.slice(0, at)), ...values]) === 1, doubtful)
}

/** CRC-16 of XMODEM: polynomial 1021, from zero. */
function crc16(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => {
    let next = sum ^ (byte << 8)
    for (let bit = 0; bit < 8; bit++)
      next = next & 0x8000 ? ((next << 1) ^ 0x1021) & 0xffff : (next << 1) & 0xffff
    return next
  }, 0)
}

function toBase32(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 8) / 5)
  const bits =
    bytes.reduce((all, byte) => all * 256n + BigInt(byte), 0n) << BigInt(length * 5 - bytes.length * 8)
  return Array.from({ length }, (_, at) =>
    base32.charAt(Number((bits >> BigInt((length - 1 - at) * 5)) & 31n)),
  ).join('')
}

const seedPrefix = 18
/** Of a NATS key: two bytes that say its kind, 32 bytes at random, and their CRC from its lower byte, all in base 32 (nats-io/nkeys). */
export function nkeySeed(kind: string, random: Uint8Array): string {
  const type = base32.indexOf(kind)
  const bytes = Buffer.from([(seedPrefix << 3) | (type >> 2), (type & 3) << 6, ...random, 0, 0])
  bytes.writeUInt16LE(crc16(bytes.subarray(0, -2)), bytes.length - 2)
  return toBase32(bytes)
}

export function checkNkey(secret: string): Verdict {
  const values = valuesOf(secret, base32)
  const bits = values.reduce((all, value) => all * 32n + BigInt(value), 0n)
  if (values.length !== 58 || values.includes(-1)) return doubtful
  const bytes = Buffer.from((bits >> 2n).toString(16).padStart(72, '0'), 'hex')
  return heldIf(crc16(bytes.subarray(0, -2)) === bytes.readUInt16LE(bytes.length - 2))
}
