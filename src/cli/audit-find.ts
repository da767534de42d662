import type { Found, Query, Search, TermKind } from '../audit/search/index.ts'
import { MayflyError } from '../lib/index.ts'
import { findOptions, topics } from './audit-find-options.ts'
import { openNames, type OpenedNames } from './audit-names.ts'
import { openAuditSearch, type SearchOptions } from './audit-search.ts'
import { revealed } from './audit-show.ts'
import { openPeopleOf } from './audit-people.ts'
import { timeOf } from './audit-time.ts'
import { endWithReader, exitCodes, toJson } from './output.ts'
import { tellEntry, visible, type LogEntry } from './story.ts'

export interface FindOptions extends SearchOptions {
  about?: string
  from?: string
  to?: string
  /** The newest so many, in their order. */
  lines?: number
}

/**
 * Prints the entries that match, each held against the log's signed checkpoint. Exit code 1 where there is none; a value that no
 * entry has is named, with what may have been meant.
 */
export async function findAudit(options: FindOptions & Record<string, unknown>): Promise<number> {
  endWithReader()
  const { search } = await openAuditSearch(options)
  try {
    const people = openPeopleOf(options)
    const names = openNames(search, people)
    const query = await queryOf(options, names)
    refuseUnknown(search, query, options.about)
    let found = 0
    for await (const { index, entry } of chosen(search, query, options.lines)) {
      const shown = await withNames(await revealed({ index, ...entry }, people), names)
      if (options.json) process.stdout.write(`${found === 0 ? '{"entries":[' : ','}${toJson(shown)}`)
      else process.stdout.write(`${tellEntry(shown, 'many').join('\n')}\n`)
      found++
    }
    if (options.json) process.stdout.write(found === 0 ? '{"entries":[]}\n' : ']}\n')
    else if (found === 0) process.stdout.write('no entry matches all of it\n')
    return found === 0 ? exitCodes.refused : exitCodes.ok
  } finally {
    search.close()
  }
}

async function queryOf(options: FindOptions & Record<string, unknown>, names: OpenedNames): Promise<Query> {
  const terms: Partial<Record<TermKind, readonly string[]>> = {
    ...(options.about === undefined ? {} : topics[options.about]),
  }
  for (const [name, { kind }] of Object.entries(findOptions)) {
    const values = options[name] as readonly string[] | undefined
    if (values === undefined) continue
    terms[kind] = kind === 'actor' || kind === 'by' ? await personsIn(values, names) : values
  }
  return { terms, fromMs: timeOf(options.from), toMs: timeOf(options.to) }
}

/** Names as the pseudonyms that the log has; what is nobody's name is left as it is, for a program may be called so. */
async function personsIn(values: readonly string[], names: OpenedNames): Promise<string[]> {
  const found = await Promise.all(
    values.map(async (value) => {
      const persons = value.includes('*') ? [] : await names.personsCalled(value)
      return persons.length === 0 ? [value] : persons
    }),
  )
  return found.flat()
}

function refuseUnknown(search: Search, query: Query, about: string | undefined): void {
  // Of several values it is enough that one is there; a question by topic may well have no answer.
  const ofTopic = about === undefined ? {} : (topics[about] ?? {})
  const unknown = search.unknown(query)
  const hopeless = Object.entries(query.terms).flatMap(([kind, values]) => {
    const missing = unknown.filter((one) => one.kind === kind && ofTopic[kind] !== values)
    return missing.length === values.length ? missing : []
  })
  const lines = hopeless.map(({ kind, value, meant }) => {
    const hint = meant === undefined ? '' : `: did you mean "${meant}"?`
    return visible(`no entry of this log has ${kind} "${value}"${hint}`)
  })
  if (lines.length > 0) throw new MayflyError('not_found', lines.join('; '))
}

/** All, in the order of the log; or the newest so many, in that order, too. */
async function* chosen(search: Search, query: Query, lines: number | undefined): AsyncGenerator<Found> {
  if (lines === undefined) {
    yield* search.find(query)
    return
  }
  const newest: Found[] = []
  for await (const one of search.find(query, 'newest')) {
    if (newest.length >= lines) break
    newest.push(one)
  }
  yield* newest.reverse()
}

/** The pseudonym that entries of a step carry, with the name that it stands for. */
async function withNames(entry: LogEntry, names: OpenedNames): Promise<LogEntry> {
  const { job } = entry.data
  if (typeof job !== 'object' || job === null) return entry
  const { actor } = job as { actor?: { person?: unknown } }
  if (typeof actor?.person !== 'string') return entry
  const name = await names.nameOf(actor.person)
  if (name === actor.person) return entry
  return { ...entry, data: { ...entry.data, job: { ...job, actor: { person: actor.person, login: name } } } }
}
