import { crc32 } from 'node:zlib'
import type { Random } from './random.ts'

const lower = 'abcdefghijklmnopqrstuvwxyz'
const upper = lower.toUpperCase()
const digits = '0123456789'

export const alphabets = {
  lower,
  upper,
  digit: digits,
  hex: '0123456789abcdef',
  HEX: '0123456789ABCDEF',
  alnum: upper + lower + digits,
  lowdig: lower + digits,
  updig: upper + digits,
  alpha: upper + lower,
  base32: `${upper}234567`,
  lowbase32: `${lower}234567`,
  b64: `${upper}${lower}${digits}+/`,
  b64u: `${upper}${lower}${digits}-_`,
  b58: '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
  word: `${upper}${lower}${digits}_`,
} as const

/**
 * A vendor's form filled in: `ghp_{alnum:30}{crc62}`. A placeholder is a class and a length (`{hex:32}`, `{b64u:40-60}`), `{uuid}`,
 * `{bytes:32}` (so many bytes in base64, whose last characters are not any ones; `{bytesu:32}` in base64url),
 * `{crc62}` (CRC-32 of what the placeholder before it gave, in base 62, as GitHub and npm have it) or `{a|b|c}`.
 * Throws for anything else, so that a mistyped form is no kind that nobody can find.
 */
export function fill(template: string, random: Random): string {
  let before = ''
  return template.replaceAll(/\{([^{}]+)\}/g, (_, what: string) => {
    const made = what === 'crc62' ? crc62(before) : placeholder(what, random)
    before = made
    return made
  })
}

function placeholder(what: string, random: Random): string {
  if (what === 'uuid') return random.uuid()
  const [, encoding, bytes] = /^(bytes|bytesu):(\d+)$/.exec(what) ?? []
  if (encoding !== undefined)
    return random.bytes(Number(bytes)).toString(encoding === 'bytes' ? 'base64' : 'base64url')
  if (what.includes('|')) return random.pick(what.split('|'))
  const [, name = '', least = '', most = least] = /^([A-Za-z0-9]+):(\d+)(?:-(\d+))?$/.exec(what) ?? []
  const alphabet = alphabets[name as keyof typeof alphabets]
  if (alphabet === undefined) throw new Error(`there is no placeholder {${what}}`)
  return random.text(alphabet, random.between(Number(least), Number(most)))
}

const base62 = digits + upper + lower

/** Six characters, filled up with zeros. */
export function crc62(text: string): string {
  let rest = crc32(text)
  let made = ''
  for (; rest > 0; rest = Math.floor(rest / 62)) made = `${base62[rest % 62]}${made}`
  return made.padStart(6, '0')
}

export function crcHex(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}

export function crc36(text: string, length: number): string {
  return crc32(text).toString(36).padStart(length, '0')
}
