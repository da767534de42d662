import { escapeUnseen } from '../../lib/index.ts'

const maxChars = 120
const maxListed = 30
/** So much of a secret in a row is part of it, and no chance. */
const window = 8

/** What a vendor says of a secret, for people: short, visible, and nothing of the secret or of a form of it. */
export function createCleaning(secrets: readonly string[]) {
  const forms = secrets.flatMap(formsOf)
  const repeats = (text: string) => {
    const lower = text.toLowerCase()
    for (let i = 0; i + window <= lower.length; i++) {
      const piece = lower.slice(i, i + window)
      if (forms.some((form) => form.includes(piece))) return true
    }
    return false
  }

  function one(value: unknown): string | undefined {
    if (typeof value === 'number' && Number.isFinite(value)) return one(String(value))
    if (typeof value !== 'string') return undefined
    // Looked for in all of it: what is cut off could end within the secret.
    if (repeats(value)) return '(repeats the secret: not shown)'
    const text = escapeUnseen(value.trim().slice(0, 2 * maxChars))
    if (text === '') return undefined
    return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`
  }

  return {
    joined(values: readonly unknown[]): string | undefined {
      const texts = values.map(one).filter((text) => text !== undefined)
      return texts.length === 0 ? undefined : [...new Set(texts)].join(', ').slice(0, 3 * maxChars)
    },
    listed(values: readonly unknown[]): readonly string[] {
      const texts = [
        ...new Set(
          values
            .slice(0, 10 * maxListed)
            .map(one)
            .filter((text) => text !== undefined),
        ),
      ]
      if (texts.length <= maxListed) return texts
      return [...texts.slice(0, maxListed), `and ${texts.length - maxListed} more`]
    },
  }
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  // In base64 it may begin at any of three places.
  const base64 = [0, 1, 2].map((lead) =>
    Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(lead === 0 ? 0 : 4),
  )
  const all = [secret, bytes.toString('hex'), ...base64]
  return [
    ...new Set(
      [...all, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))].map((one) =>
        one.toLowerCase(),
      ),
    ),
  ].filter((one) => one.length >= window)
}
