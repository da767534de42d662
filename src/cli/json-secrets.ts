import { parseDocument } from 'yaml'
import { MayflyError } from '../lib/index.ts'

/**
 * Reads a JSON object of texts, and of objects of them as folders: `{"db": {"admin": "..."}}` is `db/admin`. Throws
 * `bad_input`, with names and no value.
 */
export function readJsonSecrets(text: string, file: string): { key: string; value: string }[] {
  const refuse = (problem: string): never => {
    throw new MayflyError('bad_input', `${file}: ${problem}`)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // What Node says of it quotes it.
    refuse('this is not JSON')
  }
  // JSON.parse takes the last of two without a word.
  const twice = parseDocument(text, { uniqueKeys: true, logLevel: 'silent' }).errors[0]
  if (twice !== undefined) refuse(`line ${twice.linePos?.[0].line ?? '?'}: a name stands there twice`)
  const found: { key: string; value: string }[] = []
  const walk = (value: unknown, folders: readonly string[]): void => {
    const where = folders.join('/') || 'it'
    if (typeof value === 'string') found.push({ key: folders.join('/'), value })
    else if (typeof value !== 'object' || value === null || Array.isArray(value) || folders.length > 6)
      refuse(`${where} is no text and no object of texts: write numbers and lists in quotes`)
    else for (const [name, one] of Object.entries(value)) walk(one, [...folders, name])
  }
  if (typeof parsed === 'string') refuse('it is no object of texts')
  walk(parsed, [])
  return found
}
