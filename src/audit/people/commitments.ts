import { isPersonId } from './names.ts'

/** No event has a name deeper than this; an entry of 64 KB could be nested deeper than a call stack. */
const maxDepth = 32

export interface Commitment {
  person: string
  commitment: string
}

/**
 * A copy of an entry's data with what `replace` gives in the place of each commitment; `path` is the member names and
 * indexes that lead to it, joined by dots.
 */
export function replaceCommitments(
  data: unknown,
  replace: (found: Commitment, path: string) => unknown,
  path = '',
  depth = 0,
): unknown {
  if (typeof data !== 'object' || data === null || depth > maxDepth) return data
  const inner = (value: unknown, name: string | number) =>
    replaceCommitments(value, replace, path === '' ? String(name) : `${path}.${name}`, depth + 1)
  if (Array.isArray(data)) return (data as unknown[]).map(inner)
  if (isCommitment(data)) return replace(data, path)
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, inner(value, name)]))
}

/** Those of an entry's data, in its order. */
export function commitmentsIn(data: unknown): (Commitment & { path: string })[] {
  const found: (Commitment & { path: string })[] = []
  replaceCommitments(data, (one, path) => {
    found.push({ ...one, path })
    return one
  })
  return found
}

/** Exactly what a name leaves: anything else is data of the event that happens to be called so. */
function isCommitment(value: object): value is Commitment {
  const { person, commitment } = value as Record<string, unknown>
  if (typeof person !== 'string' || typeof commitment !== 'string' || Object.keys(value).length !== 2)
    return false
  return isPersonId(person) && /^[A-Za-z0-9+/]{43}=$/.test(commitment)
}
