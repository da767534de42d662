import {
  createPeopleCheck,
  openPeople,
  type PeopleCheck,
  type PeopleReader,
  type PeopleVerdict,
} from '../audit/people/index.ts'
import { parseEntry } from '../audit/verify/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { publishedCheckpoint, signedEntries, trustOf } from './audit-checkpoint.ts'
import { type AuditOptions, auditFolderOf, openAuditSource } from './audit-source.ts'
import { visible } from './story.ts'

/** The options of commands that look at the names of people. */
export interface PeopleOptions extends AuditOptions {
  /** The log's public files alone: names are not looked at. */
  public?: boolean
}

/** The names of people beside the log, for those who have its folder. */
export function openPeopleOf(
  options: PeopleOptions,
  isErased = erasuresOf(options),
): PeopleReader | undefined {
  if (options.url !== undefined || options.public === true) return undefined
  const reader = openPeople(auditFolderOf(options), isErased)
  return { reveal: (index, id, data) => reader.reveal(index, id, data).catch(refuse) }
}

/** Looks for what was changed beside the log, for those who have its folder. */
export function checkPeopleOf(options: PeopleOptions): PeopleCheck | undefined {
  if (options.url !== undefined || options.public === true) return undefined
  const check = createPeopleCheck(auditFolderOf(options))
  return {
    add: (index, bytes) => check.add(index, bytes)?.catch(refuse),
    verdict: () => check.verdict().catch(refuse),
  }
}

/** What a check of people found, in lines for a person; twenty problems of those that there are. */
export function tellPeople({ problems }: PeopleVerdict): string[] {
  const more = problems.length - 20
  return [
    ...problems.slice(0, 20).map((problem) => visible(`NAMES: ${problem}`)),
    ...(more > 0 ? [`NAMES: and ${more} more`] : []),
  ]
}

/** Reads the log for entries that say so, once it is asked, and further each time it does not know of one. */
function erasuresOf(options: AuditOptions): (person: string) => Promise<boolean> {
  const erased = new Set<string>()
  let upTo = 0
  return async (person) => {
    if (erased.has(person)) return true
    const source = openAuditSource(options)
    const checkpoint = await publishedCheckpoint(source, trustOf(options))
    for await (const { bytes } of signedEntries(source, checkpoint, { from: upTo })) {
      const entry = parseEntry(bytes)
      if (entry?.type === 'person.erased') erased.add(entry.subject)
    }
    upTo = checkpoint.size
    return erased.has(person)
  }
}

function refuse(cause: unknown): never {
  if (cause instanceof MayflyError) throw cause
  throw new MayflyError('audit_unavailable', `${messageOf(cause)}; --public leaves the names of people out`, {
    cause,
  })
}
