import { isPlain, saysNothing } from './plain-values.ts'

/** Names of variables, and of keys in documents, that promise a secret. An author is none. */
export const secretName =
  /token|secret|passw|passphrase|(?:^|[_.-])pass(?:$|[_.-])|(?:^|[_.-])pwd$|credential|api_?-?key|private|[_.-]key$|^key[_.-]|key-data$|auth(?!or(?!iz))|cookie|session|dsn|connection_?string|webhook/i

/** Deeper is nobody's configuration: JSON in base64 in JSON. */
const maxDepth = 8
const maxParts = 500
const minChars = 6

/**
 * What of a secret's value may be printed by itself: the string values of JSON, YAML, .env and connection strings, members of a
 * list, the password in a URL or in Docker's `auth`, the text in base64, a key with its line ends written `\n`. Not what says
 * nothing: `kind: Config`, a host, a user's address.
 */
export function partsOf(value: string): string[] {
  const parts = new Set<string>()
  collect(value, true, 0, (part) => {
    if (part.length >= minChars && part !== value && parts.size < maxParts) parts.add(part)
  })
  return [...parts]
}

type Collect = (part: string) => void

/** `isNamed`: it stands under a name that promises a secret, and counts unless it is plain; else only if it looks like one. */
function collect(value: string, isNamed: boolean, depth: number, add: Collect): void {
  if (depth > maxDepth) return
  const text = value.trim()
  const deeper = (part: string, named: boolean) => take(part, named, depth + 1, add)
  const json = parseJson(text)
  if (json !== undefined) return leaves(json, isNamed, depth, add)
  for (const password of passwordsInUrls(text)) add(password)
  if (text.includes('\\n')) add(text.replaceAll('\\r', '').replaceAll('\\n', '\n'))
  const pairs = pairsIn(text)
  if (pairs.length > 0) for (const { key, value: part } of pairs) deeper(part, secretName.test(key))
  else if (depth < 2) for (const member of membersOf(text)) deeper(member, false)
  const decoded = textInBase64(text)
  if (decoded !== undefined) {
    add(decoded)
    const colon = decoded.indexOf(':')
    if (colon !== -1 && !decoded.includes('\n')) add(decoded.slice(colon + 1))
    collect(decoded, isNamed, depth + 1, add)
  }
}

function take(part: string, isNamed: boolean, depth: number, add: Collect): void {
  if (isNamed ? !isPlain(part) : !saysNothing(part)) add(part)
  collect(part, isNamed, depth, add)
}

function leaves(node: unknown, isNamed: boolean, depth: number, add: Collect): void {
  if (depth > maxDepth) return
  if (typeof node === 'string') return take(node, isNamed, depth + 1, add)
  if (Array.isArray(node)) {
    for (const member of node) leaves(member, isNamed, depth + 1, add)
    return
  }
  if (typeof node !== 'object' || node === null) return
  for (const [key, member] of Object.entries(node)) leaves(member, secretName.test(key), depth + 1, add)
}

function parseJson(text: string): object | undefined {
  if (!/^[{[]/.test(text)) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

const maxLines = 2_000

/** `key: value` of YAML, `KEY=value` of .env, `Key=value;Key=value` of connection strings; as it stands, without quotes. */
function pairsIn(text: string): { key: string; value: string }[] {
  const lines = text.split(/\r?\n/).slice(0, maxLines)
  const pieces = lines.length === 1 && /;/.test(text) ? text.split(';') : lines
  const pairs = pieces.flatMap((piece) => {
    const found =
      /^\s{0,64}(?:- )?(?:export )?["']?([A-Za-z_][\w .-]{0,64}?)["']?\s{0,8}(?:=|:\s)\s{0,8}(.+)$/.exec(
        piece.slice(0, 16_384),
      )
    return found === null ? [] : [{ key: found[1] ?? '', value: unquoted((found[2] ?? '').trim()) }]
  })
  // One line that happens to have an equals sign (base64) is no document.
  return pieces.length === 1 && !/^[A-Za-z_][\w.-]*=/.test(text) ? [] : pairs
}

function unquoted(text: string): string {
  return /^(["'])([^]*)\1$/.exec(text)?.[2] ?? text
}

/** Of a list on one line, or one to a line. */
function membersOf(text: string): string[] {
  if (text.includes('-----BEGIN')) return []
  const members = text.split(/[\s,;|]+/).slice(0, maxParts)
  return members.length > 1 ? members.map(unquoted) : []
}

function passwordsInUrls(text: string): string[] {
  return [...text.matchAll(/\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/]{0,256}:([^\s@/]{1,1024})@/gi)].flatMap(
    ([, password = '']) => {
      try {
        return [password, decodeURIComponent(password)]
      } catch {
        // A percent sign that begins no escape: the password is what it looks like.
        return [password]
      }
    },
  )
}

/** Undefined for what is no base64, or holds no text. */
function textInBase64(text: string): string | undefined {
  const bare = text.replaceAll(/\s/g, '')
  if (bare.length < 12 || bare.length % 4 === 1 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(bare)) return undefined
  const bytes = Buffer.from(bare, /[-_]/.test(bare) ? 'base64url' : 'base64')
  const decoded = bytes.toString('utf8')
  const isText = Buffer.from(decoded).equals(bytes) && !/[^\t\n\r\x20-\x7e\u00a0-\uffff]/.test(decoded)
  return isText ? decoded : undefined
}
