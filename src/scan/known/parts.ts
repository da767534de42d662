import { bitsOf, certainBits, leastBits, leastBytes } from './strength.ts'

/** A text whose forms are looked for, because whoever has it has the secret or the part of it that counts. */
export interface Part {
  readonly text: string
  /** A hit proves that the secret itself was there; else it may be a word that others use, too. */
  readonly isCertain: boolean
}

const maxParts = 12

/**
 * The parts of a secret that are secret. A certificate beside its key, an address in a document of JSON, a user's name before the
 * colon: a file that holds these holds no secret, and to call it a leak would have a good key replaced.
 */
export function partsOf(secret: string): Part[] {
  const text = secret.toWellFormed().trim()
  const texts = privateKeysIn(text) ?? leavesOf(text) ?? plainParts(text)
  const parts = [...new Set(texts.map((one) => one.trim()))].flatMap((one) => {
    const bits = bitsOf(one)
    if (Buffer.byteLength(one) < leastBytes || bits < leastBits) return []
    return [{ text: one, isCertain: bits >= certainBits }]
  })
  return parts.slice(0, maxParts)
}

/** The bodies of PEM blocks that hold private keys; of a chain of certificates beside them, nothing. */
function privateKeysIn(text: string): string[] | undefined {
  if (!text.includes('-----BEGIN ')) return undefined
  const blocks = text.replaceAll('\\n', '\n').matchAll(/-----BEGIN ([A-Z0-9 ]{1,60})-----([^-]*)-----END/g)
  return [...blocks].flatMap(([, label = '', body = '']) =>
    /PRIVATE KEY/.test(label) ? [body.replaceAll(/^[\w-]+:.*$/gm, '').trim()] : [],
  )
}

const secretName = /key|secret|token|passw|pwd|credential|auth|signature|pass$/i
const publicName = /(?:_|-|^)(?:id|uri|url|email|user|username|host|name|type|region|project)$|Id$|Url$|Uri$/i

/** Of a document of JSON the values whose names say that they are secret; their private keys as above. */
function leavesOf(text: string): string[] | undefined {
  if (!/^[[{]/.test(text)) return undefined
  const found: string[] = []
  const visit = (value: unknown, name: string, depth: number): void => {
    if (depth > maxDepth || found.length >= maxParts) return
    if (typeof value === 'object' && value !== null)
      for (const [key, member] of Object.entries(value))
        visit(member, Array.isArray(value) ? name : key, depth + 1)
    else if (typeof value === 'string' && secretName.test(name) && !publicName.test(name))
      found.push(...(privateKeysIn(value) ?? [value]))
  }
  try {
    visit(JSON.parse(text), '', 0)
  } catch {
    return undefined
  }
  return found
}

const maxDepth = 16

/** The text itself; of `user:password` the password; of a URL the password in it. */
function plainParts(text: string): string[] {
  const url = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:([^/\s@]+)@/i.exec(text)
  if (url !== null) return [text, url[1] ?? '', decoded(url[1] ?? '')]
  const basic = /^[\w.@+-]{1,100}:(\S+)$/.exec(text)
  return basic === null ? [text] : [text, basic[1] ?? '']
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
