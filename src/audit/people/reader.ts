import { type Found, openBeside } from './beside.ts'
import { commitmentsIn, replaceCommitments } from './commitments.ts'

/** Shows names again, to whoever has the log's folder. */
export interface PeopleReader {
  /**
   * The data of an entry with every name that is borne out by its commitment. In the place of any other stand the person's
   * id and, in parentheses, why: `(erased)` only if a mark beside the log and an entry in it say so.
   */
  reveal(
    index: number,
    entryId: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>>
}

/** Is there an entry in the log that says that this person was erased? */
export type IsErased = (person: string) => Promise<boolean>

/** Reads `people/` of a log's folder as it is needed. Folders without it are fine: then the ids are shown. */
export function openPeople(folder: string, isErased: IsErased): PeopleReader {
  const beside = openBeside(folder)

  async function told(person: string, found: Found): Promise<string> {
    if (found.kind === 'named') return found.name
    return `${person} (${whyNot(found, (await beside.marked()).has(person), await isErased(person)) ?? 'erased'})`
  }

  return {
    async reveal(index, entryId, data) {
      const names = new Map<string, string>()
      const commitments = commitmentsIn(data)
      const where = commitments.length === 0 ? 'there' : await beside.where()
      for (const { path, person, commitment } of where === 'there' ? commitments : []) {
        const found = (await beside.find(index, entryId, person))(path, commitment)
        names.set(path, await told(person, found))
      }
      const other = (person: string) => (where === 'missing' ? `${person} (people/ is missing)` : person)
      return replaceCommitments(data, ({ person }, path) => names.get(path) ?? other(person)) as typeof data
    },
  }
}

/** Why a name cannot be shown, in words; `undefined` for one that can be, and for one that was erased as it should be. */
export function whyNot(found: Found, marked: boolean, erasedInLog: boolean): string | undefined {
  switch (found.kind) {
    case 'named':
      return undefined
    case 'name_missing':
      return 'name missing'
    case 'mismatch':
      return 'does not match its commitment'
    case 'key_malformed':
      return 'key malformed'
    case 'no_key':
      if (marked && erasedInLog) return undefined
      if (marked) return 'key missing; marked as erased, but no entry of the log says so'
      return erasedInLog
        ? 'key missing; an entry says erased, but the mark is missing'
        : 'key missing without an erasure'
  }
}
