/**
 * Finds the secret values in one line of a configuration. Everything here goes over a line once or a bounded number of times: a
 * step may have written the file so that the next one is slow.
 */

/** Longer lines are not taken apart; a file that has one with a key in it is hidden as a whole. */
export const maxLineChars = 16_384
const maxKeysInLine = 32

/** A key of `keys` (a global pattern without a repetition that could overlap) and what stands behind it on the line. */
export interface FoundValue {
  /** Where the key begins. */
  readonly at: number
  /** The value, and its words where it has several (`basic dXNlcjo...`). */
  readonly values: readonly string[]
}

export function valuesIn(line: string, keys: RegExp): FoundValue[] {
  const found: FoundValue[] = []
  for (const match of line.matchAll(keys)) {
    if (found.length >= maxKeysInLine) break
    const { value, isQuoted } = valueAfter(line.slice(match.index + match[0].length))
    const said = value.replace(headerName, '')
    const words = said.split(/[\s"'\\;:]+/).filter((word) => !scheme.test(word))
    // One in quotes that has a short word in it is looked for as a whole, too.
    const isOne = !/\s/.test(said) || (isQuoted && words.some((word) => word.length < 6))
    const values = [...new Set(isOne ? [said, ...words] : words)].filter(isSecret)
    if (values.length > 0) found.push({ at: match.index, values })
  }
  return found
}

/** `AUTHORIZATION: basic ...`: the name of a header is none of its value. */
const headerName = /^"?[\w-]{1,64}"?[ \t]{0,8}:[ \t]/
const scheme = /^(?:basic|bearer|token|digest|authorization|[\w-]*-token)$/i

/** What is behind `=`, `:`, `>` or white space, without its quotes. */
function valueAfter(rest: string): { value: string; isQuoted: boolean } {
  let at = 0
  while (at < rest.length && '"\'[]'.includes(rest[at] ?? '')) at++
  while (at < rest.length && ' \t\u000b'.includes(rest[at] ?? '')) at++
  if ('=:>'.includes(rest[at] ?? ' ')) at++
  while (at < rest.length && ' \t\u000b'.includes(rest[at] ?? '')) at++
  const quote = rest[at]
  if (quote === '"' || quote === "'") {
    const end = rest.indexOf(quote, at + 1)
    return { value: rest.slice(at + 1, end === -1 ? undefined : end), isQuoted: true }
  }
  const tag = rest.indexOf('<', at)
  return { value: rest.slice(at, tag === -1 ? undefined : tag).trim(), isQuoted: false }
}

/** Variables, placeholders, numbers, places and plain words of configurations are none. */
export function isSecret(value: string): boolean {
  return value.length >= 6 && value.length <= maxLineChars && !placeholder.test(value) && !place.test(value)
}

const placeholder = /^(?:\$|%\w{1,64}%$|\{|<|\*+$|x+$|true$|false$)/i
const place = /^(?:~?\/|\.{1,2}\/|https?:\/\/[^@]*$)/i

/** A user name alone is taken for a token from this length on. */
const tokenLength = 16

export interface WithoutUserinfo {
  readonly secrets: readonly string[]
  readonly text: string
}

/** Takes `user:password@` and `token@` out of every URL of a line. */
export function withoutUserinfo(line: string): WithoutUserinfo {
  const secrets: string[] = []
  const parts = line.split('://')
  const kept = parts.map((part, i) => {
    if (i === 0) return part
    const end = part.search(/[\s/"'\\]/)
    const authority = end === -1 ? part : part.slice(0, end)
    const sign = authority.lastIndexOf('@')
    if (sign === -1) return part
    const [user = '', ...rest] = authority.slice(0, sign).split(':')
    const password = rest.join(':')
    const taken = [user.length >= tokenLength ? user : '', password].filter(isSecret)
    secrets.push(...taken)
    return taken.length === 0 ? part : part.slice(sign + 1)
  })
  return { secrets, text: kept.join('://') }
}

/** Itself, as a URL writes it, and what it says in base64: `Basic` and npm's `_auth` are `user:password`. */
export function formsOf(value: string): string[] {
  const forms = [value]
  try {
    forms.push(decodeURIComponent(value))
  } catch {
    // A percent sign that begins no escape.
  }
  if (value.length <= maxLineChars && /^[A-Za-z0-9+/_-]{8,}={0,2}$/.test(value)) {
    const said = Buffer.from(value, 'base64').toString('utf8')
    if (/^[\x20-\x7e]+$/.test(said)) forms.push(said, said.slice(said.indexOf(':') + 1))
  }
  return forms.filter((form) => form.length >= 6)
}

const secretKey = /auth|token|passw|secret|credential|private|apikey|api_key/i
const maxJsonValues = 200

/** The texts of a JSON file that stand under a key which says that they are secret; undefined if it is not JSON. */
export function secretsInJson(text: string): string[] | undefined {
  const found: string[] = []
  const walk = (value: unknown, isUnder: boolean, depth: number): void => {
    if (found.length >= maxJsonValues || depth > 32) return
    if (typeof value === 'string') {
      if (!isUnder) return
      for (const word of new Set([value, ...value.split(/\s+/)]))
        if (isSecret(word) && !scheme.test(word)) found.push(word)
    } else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(inner, isUnder || secretKey.test(key), depth + 1)
  }
  try {
    walk(JSON.parse(text), false, 0)
    return found
  } catch {
    return undefined
  }
}
