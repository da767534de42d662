import { settingsIn } from './settings.ts'
import { bitsOf, certainBits, isWorthLooking } from './strength.ts'

/** A text whose forms are looked for, because whoever has it has the secret or the part of it that counts. */
export interface Part {
  readonly text: string
  /** A hit proves that the secret itself was there; else it may be a word that others use, too. */
  readonly isCertain: boolean
}

const maxParts = 64

/**
 * The parts of a secret that are secret. A certificate beside its key, an address in a document, a user's name before the colon: a file
 * that holds these holds no secret, and to call it a leak would have a good key replaced. `found`: others that are known to be in it.
 */
export function partsOf(secret: string, found: readonly string[] = []): Part[] {
  const text = secret.toWellFormed().trim()
  const texts = leavesOf(text) ?? fileParts(text)
  return [...new Set([...found, ...texts].map((one) => one.trim()))].flatMap(partOf).slice(0, maxParts)
}

function partOf(text: string): Part[] {
  return isWorthLooking(text) ? [{ text, isCertain: bitsOf(ownOf(text)) >= certainBits }] : []
}

/** Of an address what is not the scheme and the host: these are everybody's. */
function ownOf(text: string): string {
  const [, user = '', rest = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\s]*@)?[^/?#\s]*(\S*)$/i.exec(text) ?? []
  return user + rest === '' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : user + rest
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]{1,60})-----([^-]*)-----END [A-Z0-9 ]{1,60}-----/g

/** The bodies of PEM blocks that hold private keys; of a chain of certificates beside them, nothing. */
function privateKeysIn(text: string): string[] | undefined {
  if (!text.includes('-----BEGIN ')) return undefined
  return [...text.replaceAll('\\n', '\n').matchAll(pemBlock)].flatMap(([, label = '', body = '']) =>
    /PRIVATE KEY/.test(label) ? [body.replaceAll(/^[ \t]*[\w-]+:.*$/gm, '').trim()] : [],
  )
}

const secretName = /key|secret|token|passw|pwd|credential|auth|signature|pass$/i
const publicName =
  /(?:_|-|^)(?:id|uri|url|email|user|username|host|name|type|region|project|path|file|dir)$|Id$|Url$|Uri$|(?:Path|File)$|public|authority|certificate(?:[_-]?data)?$/i

function isSecretName(name: string): boolean {
  return secretName.test(name) && !publicName.test(name)
}

/** Of a document of JSON the values whose names say that they are secret; their private keys as above. */
function leavesOf(text: string): string[] | undefined {
  if (!/^[[{]/.test(text)) return undefined
  const found: string[] = []
  const visit = (value: unknown, name: string, depth: number): void => {
    if (depth > maxDepth || found.length >= 2 * maxParts) return
    if (typeof value === 'object' && value !== null)
      for (const [key, member] of Object.entries(value))
        visit(member, Array.isArray(value) ? name : key, depth + 1)
    else if (typeof value === 'string') found.push(...valueParts(name, value))
  }
  try {
    visit(JSON.parse(text), '', 0)
  } catch {
    return undefined
  }
  return found
}

const maxDepth = 16

/** Of a file of settings the values whose names say that they are secret, and its private keys; of anything else itself. */
function fileParts(text: string): string[] {
  const keys = privateKeysIn(text)
  const rest = keys === undefined ? text : text.replaceAll('\\n', '\n').replaceAll(pemBlock, '')
  const lines = rest.split(/\r\n|\r|\n/)
  const settings = [
    ...settingsIn(rest).flatMap(({ name, value }) => valueParts(name, value)),
    ...lines.flatMap((line) => urlPasswords(line.trim())),
  ]
  const named = [...(keys ?? []), ...settings]
  // Where nothing that counts has a name, all of it is what somebody keeps.
  const isFile =
    keys !== undefined || (lines.length > 1 && settings.flatMap(partOf).some((one) => one.isCertain))
  return isFile ? named : [...plainParts(text), ...encodedParts(text), ...named]
}

/** What is secret of one value of a document. */
function valueParts(name: string, value: string): string[] {
  const keys = privateKeysIn(value)
  if (!isSecretName(name)) return keys ?? urlPasswords(value)
  return keys ?? [...plainParts(value), ...encodedParts(value)]
}

/** Base64 of a text: `user:password` for a registry, a value of Kubernetes. */
function encodedParts(value: string): string[] {
  if (!/^[A-Za-z0-9+/_-]{11,20000}={0,2}$/.test(value)) return []
  const text = Buffer.from(value, 'base64').toString()
  if (!/^[\x20-\x7e\r\n\t]{8,}$/.test(text)) return []
  return privateKeysIn(text) ?? plainParts(text)
}

function urlPasswords(text: string): string[] {
  const [, password = ''] = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:([^/\s@]+)@/i.exec(text) ?? []
  return password === '' ? [] : [password, decoded(password)]
}

/** The text itself; of `user:password` the password; of a URL the password in it. */
function plainParts(text: string): string[] {
  const passwords = urlPasswords(text)
  if (passwords.length > 0) return [text, ...passwords]
  const basic = /^[\w.@+-]{1,100}:(?!\/\/)(\S+)$/.exec(text)
  return basic === null ? [text] : [text, basic[1] ?? '']
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
