import { charactersPerPiece } from './rarity.ts'
import type { Named } from './names.ts'

/** What is put in a secret's place: a variable, a hole, a word that says so. */
const holes = [
  /\$\{|\{\{|\$\(|<%|%\(|#\{|\{[\w.:|-]{0,40}\}|%[sdv]\b|\$\[\[|%24%(?:5B|7B|28)|%7B%7B|^ENC%(?:5B|28)/i,
  /^[$%@&*][A-Za-z_]|^%[A-Za-z_]+%$|^<.*>$|^\[.*\]$|^\{.*\}$|^\(.*\)$|^__.*__$/,
  /example|sample|placeholder|change[-_ ]?(?:me|it|this)|your[-_ ]|[-_]here$|insert[-_]|replace|dummy|redacted|removed|hidden|masked|secret[-_]?(?:key|here|token|value)|my[-_]?(?:secret|token|password|pass|key)|lorem|foobar|not[-_]?(?:set|real|used)|to[-_]?do\b|fixme|xxx|\*\*\*|\.\.\.|___|some[-_]/i,
  // What steps have in place of what the gateway adds: files of the machine have it, and moved pipelines.
  /held-by-the-gateway/,
  /^(?:test|fake|mock|none|null|nil|undefined|true|false|yes|no|empty|default|admin|root|guest|user|secret|token|pass(?:word|wd)?|pwd|key|string|changeit|unused|invalid|unknown|n\/a)[-_!0-9]{0,6}$/i,
  /(.)\1{4}|(?:0123|1234|2345|3456|4567|5678|6789|abcd|bcde|cdef|qwer|asdf|zxcv){2}|123456|abcdef|qwerty|qpzry9x8gf2tvdw0/i,
]

/** What is of a shape of its own, and is known to everybody. */
const shapes = [
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^[-+]?[0-9][0-9.,:_/ -]*$/,
  /:\/\/|^(?:\.{1,2}|~|[A-Za-z]:)[/\\]|^\/[a-z]{2,}[\w.-]*(?:\/|$)|^www\./,
  /^[\w.+-]+@[\w-]+\.[\w.]+$|^(?:[0-9]{1,3}\.){3}[0-9]{1,3}|^(?:[\w-]+\.)+(?:com|net|org|io|dev|cloud|internal|local|test|example)(?:[:/]|$)/,
  /\.(?:json|ya?ml|pem|key|crt|cer|jsx?|mjs|tsx?|py|go|rb|java|php|html?|txt|xml|md|png|svg|env|conf|cfg|ini|toml|lock|sh)$/i,
  /^(?:sha(?:1|256|384|512)[-:]|ssh-|ecdsa-|AAAA[BC]3|data:|age1|arn:|urn:|pk[._](?:live|test)|sb_publishable_|-----BEGIN|ENC[([]|vault:|keyring:|AQICAH|\$2[aby]\$|\$argon2|\{(?:bcrypt|noop)\}|projects\/|eyJ[\w-]+\.eyJ)/,
  /^(?:rsa|hmac|aes|ecdh|ecdsa|pbkdf|sha|hs|rs|es|ps|blake|md|ed|x|curve)[-_]?(?:sha)?[-_]?[0-9]{1,5}(?:[-_]|$)|::|^:|^v?[0-9]+(?:\.[0-9]+)+[-+.\w]*$|^[0-9]{4}-[0-9]{2}-[0-9]{2}/,
  /[^\x21-\x7e]/,
  /^[A-Za-z_][\w]*(?:(?:\.|->|::)[A-Za-z_]\w*)+(?:\[.*)?$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^--[\w-]+$/,
  /\[-?[0-9]+\]|\[a-z|\[A-Z|\[0-9|\\[dws]|\(\?[:=!]|^\^.*\$$|\$\{?[A-Z_]+\}?$/,
  // Tokens whose checksum is looked at by their own kind.
  /^(?:gh[pousr]|npm)_[A-Za-z0-9]{36}$/,
]

function classesOf(value: string): number {
  return [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9_.\-/=+]/].filter((one) => one.test(value)).length
}

function bitsOf(value: string): number {
  const counts = new Map<string, number>()
  for (const one of value) counts.set(one, (counts.get(one) ?? 0) + 1)
  const all = value.length
  return [...counts.values()].reduce((sum, count) => sum - (count / all) * Math.log2(count / all), 0)
}

/** Could this be the value of a password, or of a token? Asked of what has a name that says so. */
export function isSecretValue(value: string, named: Named, isQuoted: boolean): boolean {
  if (isPhrase(value)) return false
  // What it is made of is asked first: it costs least, and most values are words.
  const isMadeSo = named === 'password' ? isPassword(value, isQuoted) : isToken(value, isQuoted)
  if (!isMadeSo || holes.some((one) => one.test(value)) || shapes.some((one) => one.test(value))) return false
  const text = textInBase64(value)
  return text === undefined || !isExample(text)
}

/** `deploy-key-of-the-job-01`: words and numbers, put together by somebody. */
function isPhrase(value: string): boolean {
  const parts = value.split(/[-_.]/)
  const plain = parts.filter((part) => /^(?:[0-9]{1,4}|[a-z]{2})$/.test(part) || isWord(part))
  return parts.length > 2 && plain.length / parts.length >= 0.6
}

function isWord(part: string): boolean {
  return /^(?:[A-Z]?[a-z]+|[A-Z]+)$/.test(part) && charactersPerPiece(part) >= 2
}

/** Made at random: many different characters, of which hardly three in a row are of a word. */
function isToken(value: string, isQuoted: boolean): boolean {
  if (value.length < (isQuoted ? 12 : 16)) return false
  const classes = classesOf(value)
  if (classes < 2 && (value.length < 20 || !/^[0-9a-f]+$|^[a-z]+$|^[A-Z]+$/.test(value))) return false
  const least = Math.min(3.6, Math.log2(value.length) - 0.9)
  if (bitsOf(value) < (/^[0-9a-fA-F]+$/.test(value) ? Math.min(least, 3) : least)) return false
  const hasDigit = /[0-9]/.test(value)
  return charactersPerPiece(value) <= (hasDigit && classes > 2 ? 1.5 : hasDigit || classes > 2 ? 1.38 : 1.25)
}

/** Thought up by somebody: a word is in it, perhaps, but not words alone. */
function isPassword(value: string, isQuoted: boolean): boolean {
  if (value.length < (isQuoted ? 6 : 8) || value.length > 80) return false
  const classes = classesOf(value)
  if (classes < 2 || new Set(value).size < 5) return false
  const perPiece = charactersPerPiece(value)
  if (!/[0-9]|[^A-Za-z0-9_.\-/=+]/.test(value)) return value.length > 9 && perPiece <= 1.3
  return perPiece <= (classes > 2 ? 2.3 : value.length < 8 ? 1.3 : 1.75)
}

/** A hole, or words alone, as examples have them. */
export function isExample(value: string): boolean {
  return holes.some((one) => one.test(value)) || charactersPerPiece(value) > 2.6
}

/** What base64 says, where that is text. */
export function textInBase64(value: string): string | undefined {
  if (value.length < 8 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined
  const text = Buffer.from(value, 'base64').toString('latin1')
  return /^[\x20-\x7e]{4,}$/.test(text) ? text : undefined
}
