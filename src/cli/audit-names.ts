import type { PeopleReader } from '../audit/people/index.ts'
import type { Search } from '../audit/search/index.ts'

/** Names of people, opened from beside the log where its folder is at hand. */
export interface OpenedNames {
  /** A name for this pseudonym, or the pseudonym. */
  nameOf(person: string): Promise<string>
  /** The pseudonyms of whoever goes by this name; itself, if it is a pseudonym. */
  personsCalled(name: string): Promise<string[]>
}

export function openNames(search: Search, people: PeopleReader | undefined): OpenedNames {
  const places = new Map(search.people().map(({ person, entries }) => [person, entries]))
  const opened = new Map<string, Promise<ReadonlySet<string>>>()

  function namesOf(person: string): Promise<ReadonlySet<string>> {
    const names = opened.get(person) ?? openAll(person)
    opened.set(person, names)
    return names
  }

  /** As their first and their last entry have them: somebody may have changed their login. */
  async function openAll(person: string): Promise<ReadonlySet<string>> {
    const names = new Set<string>()
    if (people === undefined) return names
    for (const index of places.get(person) ?? []) {
      const entry = await search.entry(index)
      if (entry === undefined) continue
      const shown = await people.reveal(index, entry.id, entry.data)
      collect(entry.data, shown, person, names)
    }
    return names
  }

  return {
    async nameOf(person) {
      const names = [...(await namesOf(person))]
      // An issuer has a number and a login for one: people know the login.
      return names.find((name) => !/^\d+$/.test(name)) ?? names[0] ?? person
    },
    async personsCalled(name) {
      if (places.has(name)) return [name]
      const wanted = name.toLowerCase()
      const found: string[] = []
      for (const person of places.keys()) {
        const names = [...(await namesOf(person))]
        if (names.some((one) => one.toLowerCase() === wanted)) found.push(person)
      }
      return found
    },
  }
}

const maxDepth = 32

/** The texts that stand in `shown` where `sealed` has a commitment of this person. */
function collect(sealed: unknown, shown: unknown, person: string, names: Set<string>, depth = 0): void {
  if (typeof sealed !== 'object' || sealed === null || depth > maxDepth) return
  const { person: of, commitment } = sealed as Record<string, unknown>
  if (typeof commitment === 'string') {
    // What could not be opened is shown as the pseudonym and a reason.
    if (of === person && typeof shown === 'string' && !shown.startsWith(person)) names.add(shown)
    return
  }
  if (typeof shown !== 'object' || shown === null) return
  for (const [key, inner] of Object.entries(sealed))
    collect(inner, (shown as Record<string, unknown>)[key], person, names, depth + 1)
}
