import { held, heldIf, open, type Verdict } from './verdict.ts'

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
  if (!/^[A-Z2-7]{10}$/.test(own)) return open
  const bits = bitsOf(own, base32)
  if (bits >> 49n === 0n) return open
  const account = (bits >> 9n) & 0xffffffffffn
  if (account > 999_999_999_999n) return open
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
  return heldIf(polymod([...prefixValues(secret.slice(0, at)), ...values]) === 1, open)
}
