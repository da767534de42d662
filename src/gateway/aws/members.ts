import type { Pair } from './sigv4.ts'

/**
 * The texts that a request has under a name: `Name` at its top, `**Name` wherever it stands, `Name.*` the names within it. A list
 * is each of its texts. `odd`: what stands there is no text, and nobody can say what it names.
 */
export type Members = (selector: string) => readonly string[] | 'odd'

/** Of a body in JSON; or why it is not read. A name that stands twice is refused: which of the two counts the service decides. */
export function jsonMembers(body: Buffer): Members | string {
  const text = body.toString('utf8')
  if (text.trim() === '') return () => []
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return 'its body is no JSON'
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return 'its body is no JSON object'
  if (text.includes('\uFFFD') || namesWritten(text) !== namesIn(document))
    return 'a name stands twice in its body'
  const top = document as Readonly<Record<string, unknown>>
  return (selector) => {
    if (selector.startsWith('**')) return textsOf(within(top, selector.slice(2)))
    const name = selector.replace(/\.\*$/, '')
    const found = Object.hasOwn(top, name) ? top[name] : undefined
    if (found === undefined || found === null) return []
    if (name === selector) return textsOf([found])
    return typeof found === 'object' && !Array.isArray(found) ? Object.keys(found) : 'odd'
  }
}

function namesWritten(text: string): number {
  // Strings are taken whole, so a colon within one is none.
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)].filter(([, colon]) => colon !== undefined).length
}

function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const values: unknown[] = Object.values(value)
  return (
    (Array.isArray(value) ? 0 : values.length) + values.reduce<number>((sum, one) => sum + namesIn(one), 0)
  )
}

function within(value: unknown, name: string): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => [
    ...(key === name && !Array.isArray(value) && one !== null ? [one] : []),
    ...within(one, name),
  ])
}

function textsOf(found: readonly unknown[]): readonly string[] | 'odd' {
  const texts = found.flatMap((one) => (Array.isArray(one) ? (one as unknown[]) : [one]))
  return texts.every((one) => typeof one === 'string') ? texts : 'odd'
}

/** Of a form (the query protocol): `Name`, and `Name.member.1` for a list. */
export function formMembers(form: readonly Pair[]): Members {
  return (selector) => {
    const name = selector.replace(/^\*\*/, '')
    const isOne = (key: string) => key === name || (key.startsWith(`${name}.`) && /\.\d+$/.test(key))
    return form.flatMap(([key, value = '']) => (isOne(key) && value !== '' ? [value] : []))
  }
}
