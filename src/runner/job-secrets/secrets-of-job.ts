import { Secret } from '../../lib/index.ts'
import { isHarmless, meaningOf, namesDigest, namesHost, namesWebhook, type Meaning } from './names.ts'
import { hasCredentialShape, isHost, isModeWord, isPath, isPlain } from './plain-values.ts'
import { decodedText, membersOf, partsOf, secretBlocks } from './structures.ts'

/** A password of YAML in base64 in JSON: deeper than people pack them. */
const maxDepth = 4
/** Shorter ones cannot be masked. */
const minChars = 6
/** Of one variable; a list of more is no list of secrets. */
const maxSecrets = 1_000

/**
 * Values of the job's environment that must not be seen in a step's output, whether or not the step was given them. Each
 * secret has the name of its variable. Of variables that are handed on by name (`passed`) what is not known to be harmless
 * is a secret.
 */
export function secretsOfJob(
  job: Readonly<Record<string, string>>,
  passed: readonly string[] = [],
): Secret[] {
  const entries = Object.entries(job)
  const innocent = new Set(entries.flatMap(([name, value]) => (isHarmless(name) ? [value] : [])))
  return entries.flatMap(([name, value]) => {
    const found = new Set<string>()
    const add = (secret: string) => {
      const isLong = secret.trim().length >= minChars
      if (isLong && found.size < maxSecrets && !innocent.has(secret)) found.add(secret)
    }
    collect(
      { name, value, meaning: meaningIn(name, passed.includes(name)), depth: 0 },
      isHarmless(name) ? (secret) => void found.add(secret) : add,
    )
    return Array.from(found, (secret) => new Secret(secret, name))
  })
}

function meaningIn(name: string, named: boolean): Meaning {
  if (isHarmless(name)) return 'other'
  const meaning = meaningOf(name)
  return meaning === 'other' && named ? 'unsure' : meaning
}

interface Value {
  readonly name: string
  readonly value: string
  readonly meaning: Meaning
  readonly depth: number
}

function collect(item: Value, add: (secret: string) => void): void {
  const { name, value, meaning, depth } = item
  const trimmed = value.trim()
  if (trimmed.length < minChars || depth > maxDepth) return
  if (urlSecrets(trimmed, meaning, name, add)) return
  const parts = partsOf(trimmed)
  if (parts !== undefined && parts.length > 0) {
    for (const part of parts) collect({ ...part, meaning: within(meaning, part.name), depth: depth + 1 }, add)
    return
  }
  const keys = secretBlocks(trimmed)
  if (keys !== undefined && (keys.length > 0 || trimmed.startsWith('-----BEGIN '))) return keys.forEach(add)
  const text = decodedText(trimmed)
  if (text !== undefined) {
    let count = 0
    const inside = (secret: string) => {
      count++
      add(secret)
    }
    collect({ name, value: text, meaning, depth: depth + 1 }, inside)
    // A login in basic authentication, as Docker and npm keep it (RFC 7617).
    const password = /^[^\s:]+:(\S+)$/.exec(text)?.[1]
    if (password !== undefined && meaning !== 'other' && !isModeWord(password)) inside(password)
    // A certificate in base64 is as public as the certificate.
    if (count > 0 || (secretBlocks(text) === undefined && isSecret(item, trimmed))) add(value)
    return
  }
  for (const member of membersOf(trimmed))
    collect({ name, value: member, meaning: looser(meaning), depth: depth + 1 }, add)
  if (isSecret(item, trimmed)) add(value)
}

// Of `a, b, c` under a secret's name a word is a word; a whole of words may be a passphrase.
function looser(meaning: Meaning): Meaning {
  return meaning === 'secret' ? 'unsure' : meaning
}

/** What a key says counts; a key that says nothing has its meaning from around it: a part of a secret may be one. */
function within(outer: Meaning, name: string): Meaning {
  const own = name === '' ? outer : meaningOf(name)
  if (own !== 'other') return own
  return outer === 'other' ? 'other' : 'unsure'
}

function isSecret({ name, meaning }: Value, value: string): boolean {
  if (hasCredentialShape(value)) return true
  if (meaning === 'other' || isModeWord(value) || isTemplate(value) || isPath(value)) return false
  if (meaning === 'secret') return !isShortNumber(value) && !(namesHost(name) && isHost(value))
  return !isPlain(value) && !(meaningOf(name) === 'other' && namesDigest(name) && isDigest(value))
}

// A port, a time to live, a count.
function isShortNumber(value: string): boolean {
  return /^\d{1,7}$/.test(value)
}

function isDigest(value: string): boolean {
  return /^(?:sha\d+[:-])?[0-9a-f-]+$/i.test(value)
}

/** `${{ secrets.X }}`, `$TOKEN`, `secret:npm`: the name of a secret in its place. */
function isTemplate(value: string): boolean {
  return /^(?:\$\{?\{?[^}]*\}?\}?|\$\w+|%\w+%|secret:[\w-]+|<[\w -]+>|\*+)$/.test(value)
}

/** Of an URL its password, a user that is a token, what the query says; of a webhook all. False when it is no URL. */
function urlSecrets(value: string, meaning: Meaning, name: string, add: (secret: string) => void): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || /\s/.test(value) || !URL.canParse(value)) return false
  const url = new URL(value)
  const password = decoded(url.password)
  const user = decoded(url.username)
  if (password.length >= minChars && !isModeWord(password)) {
    add(password)
    add(url.password)
  }
  if (hasCredentialShape(user) || (password === '' && user.length >= 16 && !isPlain(user))) add(user)
  for (const [key, member] of url.searchParams) {
    if (meaningOf(key) === 'secret' && !isPlain(member)) add(member)
  }
  if (meaning !== 'other' && namesWebhook(name)) add(value)
  return true
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A percent sign that begins no escape: it is what it looks like.
    return text
  }
}
