import { parseEntry } from '../verify/index.ts'
import { openBeside } from './beside.ts'
import { commitmentsIn } from './commitments.ts'
import { whyNot } from './reader.ts'

export interface PeopleVerdict {
  /** False where `people/` is not: a copy of the public files alone. Then nothing was looked at. */
  checked: boolean
  /** Names in the log that were opened and are what was committed to. */
  named: number
  /** Names of people who were erased, as a mark and an entry say. */
  erased: number
  /** One line each, without names; at most 1,000. */
  problems: string[]
}

export interface PeopleCheck {
  /** Every entry of the log, in order. Resolves, or returns, when it has been looked at. */
  add(index: number, bytes: Uint8Array): Promise<void> | undefined
  verdict(): Promise<PeopleVerdict>
}

const maxProblems = 1_000
const words = ['"commitment"', 'person.erased'].map((word) => Buffer.from(word))

/**
 * Finds what was changed in `people/` of a log's folder: every commitment in the log has to have a name that it bears out,
 * or a person who was erased, which takes a mark beside the log and an entry in it. Verifies no hashes: `verifyLog` does.
 */
export function createPeopleCheck(folder: string): PeopleCheck {
  const beside = openBeside(folder)
  const where = beside.where()
  where.catch(() => undefined)
  const erasures = new Map<string, number>()
  /** By person without a key: how many names, and where the first one is. */
  const closed = new Map<string, { count: number; at: string }>()
  const problems: string[] = []
  let [seen, named] = [0, 0]

  function complain(problem: string): void {
    if (problems.length < maxProblems) problems.push(problem)
  }

  async function look(index: number, bytes: Uint8Array): Promise<void> {
    const entry = parseEntry(bytes)
    if (entry?.type === 'person.erased') erasures.set(entry.subject, index)
    for (const { path, person, commitment } of commitmentsIn(entry?.data)) {
      seen++
      if (entry === undefined || (await where) !== 'there') continue
      const found = (await beside.find(index, entry.id, person))(path, commitment)
      const at = `entry ${index}, ${path}, ${person}`
      if (found.kind === 'named') named++
      else if (found.kind !== 'no_key') complain(`${at}: ${whyNot(found, false, false)}`)
      else closed.set(person, { at, ...closed.get(person), count: (closed.get(person)?.count ?? 0) + 1 })
    }
  }

  return {
    add: (index, bytes) =>
      words.some((word) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(word))
        ? look(index, bytes)
        : undefined,
    async verdict() {
      if ((await where) !== 'there') {
        if (seen > 0 && (await where) === 'missing')
          complain(`people/ is missing, and the log holds ${seen} names of people`)
        return { checked: false, named: 0, erased: 0, problems }
      }
      const [marked, keyed] = [await beside.marked(), await beside.keyed()]
      let erased = 0
      for (const [person, { count, at }] of closed) {
        const why = whyNot({ kind: 'no_key' }, marked.has(person), erasures.has(person))
        if (why === undefined) erased += count
        else complain(`${at}: ${why}${count === 1 ? '' : ` (${count} names)`}`)
      }
      for (const person of marked) {
        if (keyed.has(person)) complain(`people/keys/${person}: is still there, though the person was erased`)
        if (!erasures.has(person) && !closed.has(person))
          complain(`people/erased/${person}: marked as erased, but no entry of the log says so`)
      }
      for (const [person, index] of erasures)
        if (keyed.has(person) && !marked.has(person))
          complain(
            `people/keys/${person}: is still there, though entry ${index} says that the person was erased`,
          )
      return { checked: true, named, erased, problems }
    },
  }
}
