import { readLongJson } from '../../lib/index.ts'
import type { Pair } from './sigv4.ts'

/**
 * The texts that a request has under a name: `Name` at its top, `**Name` wherever it stands, `Name.*` the names within it. A list
 * is each of its texts. `odd`: what stands there is no text, or stands under the name in other letters too (`roleArn`, `RoleArn`), and
 * nobody can say what it names.
 */
export type Members = (selector: string) => readonly string[] | 'odd'

/** No name is longer: an ARN has 2,048 characters at most. */
export const maxNameChars = 4_096
/** What an API's own requests have, beside data that they carry. */
const maxShortBytes = 16_777_216

/** Of a body in JSON; or why it is not read. A name that stands twice is refused: which of the two counts the service decides. */
export async function jsonMembers(body: Buffer): Promise<Members | string> {
  if (!/[^ \t\r\n]/.test(body.toString('latin1', 0, 1_024)) && body.length < 1_024) return () => []
  const top = await readLongJson(body, { longestText: maxNameChars, mostBytes: maxShortBytes })
  if (typeof top === 'string') return top
  return (selector) => {
    if (selector.startsWith('**')) return textsOf([...within(top, selector.slice(2))])
    const name = selector.replace(/\.\*$/, '')
    if (Object.keys(top).some((key) => isOtherwise(key, name))) return 'odd'
    const found = Object.hasOwn(top, name) ? top[name] : undefined
    if (found === undefined || found === null) return []
    if (name === selector) return textsOf([found])
    return typeof found === 'object' && !Array.isArray(found) ? Object.keys(found) : 'odd'
  }
}

function* within(value: unknown, name: string): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, one] of Object.entries(value)) {
    if (isSame(key, name) && !Array.isArray(value) && one !== null) yield one
    if (typeof one === 'object') yield* within(one, name)
  }
}

function isSame(key: string, name: string): boolean {
  return key.length === name.length && key.toLowerCase() === name.toLowerCase()
}

function isOtherwise(key: string, name: string): boolean {
  return key !== name && isSame(key, name)
}

function textsOf(found: readonly unknown[]): readonly string[] | 'odd' {
  const texts = found.flatMap((one) => (Array.isArray(one) ? (one as unknown[]) : [one]))
  return texts.every((one) => typeof one === 'string' && one.length <= maxNameChars)
    ? (texts as string[])
    : 'odd'
}

/** Of a form (the query protocol): `Name`, and `Name.member.1` for a list. */
export function formMembers(form: readonly Pair[]): Members {
  return (selector) => {
    const name = selector.replace(/^\*\*/, '')
    if (form.some(([key]) => isOtherwise(key, name))) return 'odd'
    const isOne = (key: string) => key === name || (key.startsWith(`${name}.`) && /\.\d+$/.test(key))
    const found = form.flatMap(([key, value = '']) => (isOne(key) && value !== '' ? [value] : []))
    return found.some((value) => value.length > maxNameChars) ? 'odd' : found
  }
}
