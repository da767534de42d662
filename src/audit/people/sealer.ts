import { commitTo, type SealedNames, sealNames } from './names.ts'

/** Who people are in the log. */
export interface PeopleDirectory {
  /** The person and their key; made at the first call for `who`. `alias` is what an operator may call them by. */
  find(who: string, alias: string | undefined): Promise<{ person: string; key: Uint8Array }>
}

export interface SealedEvent {
  data: Record<string, unknown>
  sealed: SealedNames[]
}

interface Marked {
  $personal: { who: string; name?: string; alias?: string }
}

/**
 * Marks a name in an event's data. `who` tells people apart for good (`github:583231`); `alias` is a name they go by.
 * Plain data, so that an event can wait in a database; it never reaches the log as it is.
 */
export function personal(who: string, name: string, alias?: string): Marked {
  return { $personal: { who, name, ...(alias === undefined ? {} : { alias }) } }
}

/** The same person without their name: what stands in the log is their random id alone. */
export function pseudonym(who: string, alias: string): Marked {
  return { $personal: { who, alias } }
}

/** Puts a commitment in the place of every marked name, the id alone in that of a pseudonym, and seals the names for their people. */
export async function sealPeople(
  data: Readonly<Record<string, unknown>>,
  entryId: string,
  directory: PeopleDirectory,
): Promise<SealedEvent> {
  const found = new Map<string, { key: Uint8Array; names: Record<string, string> }>()

  const walked = await replaceMarked(data, async ({ $personal: { who, name, alias } }, path) => {
    const { person, key } = await directory.find(who, alias)
    if (name === undefined) return { person }
    const known = found.get(person) ?? { key, names: {} }
    known.names[path] = name
    found.set(person, known)
    return { person, commitment: commitTo(key, entryId, path, name) }
  })
  const sealed = [...found].map(([person, { key, names }]) => ({
    person,
    key: Buffer.from(key).toString('base64'),
    box: sealNames(key, person, entryId, names),
  }))
  return { data: walked, sealed }
}

/**
 * The data of an event that waits, without the names of one person who is to be forgotten: the commitments that
 * `sealPeople` would have put there, so that the entry is the same bytes whether it has been handed over or not.
 */
export async function forgetNames(
  data: Readonly<Record<string, unknown>>,
  entryId: string,
  { who, person, key }: { who: string; person: string; key: Uint8Array },
): Promise<Record<string, unknown>> {
  return await replaceMarked(data, (marked, path) => {
    const { who: named, name } = marked.$personal
    if (named !== who) return marked
    return name === undefined ? { person } : { person, commitment: commitTo(key, entryId, path, name) }
  })
}

/** A copy of the data with another value in the place of each mark; without marks, the data itself. */
async function replaceMarked(
  data: Readonly<Record<string, unknown>>,
  replace: (marked: Marked, path: string) => object | Promise<object>,
): Promise<Record<string, unknown>> {
  const replaced: object[] = []
  for (const [path, marked] of findMarked(data, '')) replaced.push(await replace(marked, path))
  return replaced.length === 0 ? data : (copyWith(data, replaced.values()) as Record<string, unknown>)
}

/** In the order of the data. */
function findMarked(value: object, path: string): [path: string, marked: Marked][] {
  if (isMarked(value)) return [[path, value]]
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    isObject(inner) ? findMarked(inner, path === '' ? name : `${path}.${name}`) : [],
  )
}

/** The same order again, so the next one replaces the next mark. */
function copyWith(value: object, replaced: Iterator<object>): unknown {
  if (isMarked(value)) return replaced.next().value
  const copied = Object.entries(value).map(([name, inner]: [string, unknown]): [string, unknown] => [
    name,
    isObject(inner) ? copyWith(inner, replaced) : inner,
  ])
  return Array.isArray(value) ? copied.map(([, inner]) => inner) : Object.fromEntries(copied)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isMarked(value: object): value is Marked {
  return '$personal' in value
}
