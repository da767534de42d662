import type { IncomingMessage } from 'node:http'

const maxMembers = 40
const maxChars = 200
/** What may be a secret, or is too much to be judged by it. */
const hidden =
  /secret|password|passphrase|token|credential|private|value|string|plaintext|ciphertext|blob|body|data|content|message|payload|key(?!id|name|s$)|code|file|environment|input|parameters?$/i

/** What a request says of itself in single texts and numbers: people decide by it. Of what may be a secret, its name alone. */
export function shownMembers({ headers }: IncomingMessage, body: Buffer): Readonly<Record<string, unknown>> {
  const members = membersOf(headers['content-type'] ?? '', body)
  const shown = members.slice(0, maxMembers).map(([name, value]) => {
    if (typeof value === 'number' || typeof value === 'boolean') return [name, value] as const
    if (typeof value !== 'string') return [name, '...'] as const
    const text = hidden.test(name) ? '(not shown)' : value
    return [name.slice(0, maxChars), text.length > maxChars ? `${text.slice(0, maxChars)}...` : text] as const
  })
  return { ...Object.fromEntries(shown), ...(members.length > maxMembers ? { more: members.length } : {}) }
}

function membersOf(type: string, body: Buffer): (readonly [string, unknown])[] {
  const text = body.toString('utf8')
  if (/^\s*application\/x-www-form-urlencoded\b/i.test(type)) return [...new URLSearchParams(text)]
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? Object.entries(json) : []
  } catch {
    return []
  }
}
