import type { Statement } from '../verify/index.ts'

/**
 * The bytes that are signed: JSON in the one form of RFC 8785 (members sorted by UTF-16 units, no white space). Throws a TypeError for
 * what JSON has no text for, and for halves of surrogate pairs.
 */
export function encodeStatement(statement: Statement): Uint8Array {
  return Buffer.from(canonical(statement))
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
    return `{${members.map(([name, member]) => `${canonical(name)}:${canonical(member)}`).join(',')}}`
  }
  if (typeof value === 'string' && !value.isWellFormed())
    throw new TypeError('a text of a statement is no Unicode')
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError('a number of a statement is none')
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError('a statement holds what JSON has no text for')
  return text
}
