import { crc32 } from 'node:zlib'
import { coreBytes, derive, fromBytes, toBytes } from './core.ts'

/** A form of credential, as its issuer makes it and scanners look for it. */
export interface Format {
  readonly pattern: RegExp
  /** It has no sign of its own, and is looked for only where somebody asks what a value is. */
  readonly unmarked?: true
  make(seed: Buffer, core: Buffer): string
  /** The core of what the pattern found; undefined if we did not make it. */
  read(seed: Buffer, found: string): Buffer | undefined
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** As many characters of base62 as hold a core, and some more numbers. */
const codeChars = 14
const codes = 62n ** BigInt(codeChars)

export const formats = {
  /** An access key's id; AWS signs with its secret, which is never sent. */
  'aws-id': {
    pattern: /(?<![A-Za-z0-9])AKIA[A-Z2-7]{16}(?![A-Za-z0-9])/g,
    make: (_seed, core) => `AKIA${encode(fromBytes(core), base32, 16)}`,
    read: (_seed, found) => toBytes(decode(found.slice(4), base32), coreBytes),
  },
  'aws-secret': { ...coded('aws-secret', '', 40), unmarked: true },
  /** The last six characters are a checksum (CRC-32 in base62) of those before. */
  github: coded('github', 'ghp_', 30, { checksum: true }),
  npm: coded('npm', 'npm_', 30, { checksum: true }),
  gitlab: coded('gitlab', 'glpat-', 20),
  docker: coded('docker', 'dckr_pat_', 27),
  /** The signature of a token; what it signs is for show. */
  jwt: coded('jwt', '', 342, { before: String.raw`eyJ[\w-]{8,400}\.eyJ[\w-]{8,2000}\.` }),
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof formats

/**
 * A prefix, then so many characters of base62: the core, shifted by what the rest gives so that it is spread evenly, and the rest,
 * which only the seed makes of that core.
 */
function coded(
  name: string,
  prefix: string,
  chars: number,
  { checksum = false, before = '' }: { checksum?: boolean; before?: string } = {},
): Format {
  const restChars = chars - codeChars
  const restOf = (seed: Buffer, core: Buffer) => charsOf(derive(seed, `rest ${name}`, core, restChars))
  const shiftOf = (seed: Buffer, rest: string) => fromBytes(derive(seed, `shift ${name}`, rest, 16)) % codes
  const whole = chars + (checksum ? 6 : 0)
  const look = `${before}${prefix}[0-9A-Za-z]{${whole}}`
  return {
    pattern: new RegExp(`(?<![A-Za-z0-9_])${look}(?![A-Za-z0-9_])`, 'g'),
    make(seed, core) {
      const rest = restOf(seed, core)
      const code = encode((fromBytes(core) + shiftOf(seed, rest)) % codes, base62, codeChars)
      const body = `${code}${rest}`
      return `${prefix}${body}${checksum ? encode(BigInt(crc32(body)), base62, 6) : ''}`
    },
    read(seed, found) {
      const body = found.slice(found.length - whole).slice(0, chars)
      const rest = body.slice(codeChars)
      const value = (decode(body.slice(0, codeChars), base62) + codes - shiftOf(seed, rest)) % codes
      if (value >> BigInt(coreBytes * 8) !== 0n) return undefined
      const core = toBytes(value, coreBytes)
      return restOf(seed, core) === rest ? core : undefined
    },
  }
}

/** 32 bytes of an Ed25519 key: the core, masked by what the rest gives, and the rest. */
export const sshSeed = {
  make(seed: Buffer, core: Buffer): Buffer {
    const rest = derive(seed, 'rest ssh', core, 22)
    return Buffer.concat([xor(core, derive(seed, 'shift ssh', rest, coreBytes)), rest])
  },
  read(seed: Buffer, key: Buffer): Buffer | undefined {
    const rest = key.subarray(coreBytes)
    const core = xor(key.subarray(0, coreBytes), derive(seed, 'shift ssh', rest, coreBytes))
    return derive(seed, 'rest ssh', core, 22).equals(rest) ? core : undefined
  },
}

function charsOf(bytes: Buffer): string {
  return [...bytes].map((byte) => base62[byte % 62]).join('')
}

function encode(value: bigint, alphabet: string, length: number): string {
  const base = BigInt(alphabet.length)
  let text = ''
  for (let left = value; text.length < length; left /= base) text = `${alphabet[Number(left % base)]}${text}`
  return text
}

function decode(text: string, alphabet: string): bigint {
  const base = BigInt(alphabet.length)
  return Array.from(text).reduce((sum, char) => sum * base + BigInt(alphabet.indexOf(char)), 0n)
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, i) => byte ^ (other[i] ?? 0)))
}
