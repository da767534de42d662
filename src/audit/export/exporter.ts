import { factsOf } from '../facts/index.ts'
import { type Entry, parseEntry, textOf } from '../verify/index.ts'
import { toOcsf } from './ocsf.ts'

export type ExportFormat = 'ocsf' | 'cloudevents' | 'ndjson'

/** All conditions must hold. Times are Unix milliseconds: `fromMs` included, `toMs` not. */
export interface ExportFilter {
  run?: string
  /** Its name or its immutable id, as the run's verified claims had them. */
  repository?: string
  role?: string
  fromMs?: number
  toMs?: number
}

/** What is known of a run or step once its first entry was seen. */
interface Known {
  repositories: Map<string, ReadonlySet<string>>
  roles: Map<string, ReadonlySet<string>>
}

/**
 * Turns entries, handed in in their order from the first one on, into lines. `undefined` for an entry that the filter
 * leaves out. An entry that cannot be read is a line, too, in `ndjson`; otherwise the answer is `null`, for the caller to
 * say so.
 */
export function createExporter(
  format: ExportFormat,
  filter: ExportFilter,
): (index: number, bytes: Uint8Array) => string | undefined | null {
  const known: Known = { repositories: new Map(), roles: new Map() }
  return (index, bytes) => {
    const entry = parseEntry(bytes)
    if (entry === undefined) {
      const wanted = Object.values(filter).every((value) => value === undefined)
      if (!wanted) return undefined
      return format === 'ndjson' ? JSON.stringify({ index, unreadable: textOf(bytes) }) : null
    }
    if (filter.repository !== undefined || filter.role !== undefined) remember(known, entry)
    const isWanted = matches(known, entry, filter)
    // Not before: the end of a run is of its repository, too.
    if (entry.type === 'run.finished' && entry.run !== undefined) known.repositories.delete(entry.run)
    if (!isWanted) return undefined
    if (format === 'cloudevents') return onOneLine(textOf(bytes))
    return JSON.stringify(format === 'ocsf' ? toOcsf(entry, index) : { index, ...entry })
  }
}

/** A line break between two values of JSON would let an entry pass for several, and one in it for a line of its own. */
function onOneLine(json: string): string {
  return /[\r\n]/.test(json) ? JSON.stringify(JSON.parse(json)) : json
}

function remember({ repositories, roles }: Known, entry: Entry): void {
  const { job, roles: named } = factsOf(entry)
  const { type, run, subject } = entry
  if (run !== undefined && (type === 'run.started' || type === 'session.issued'))
    repositories.set(run, new Set([job.repository, job.repositoryId].filter((one) => one !== undefined)))
  if (type === 'session.issued' || type === 'step.started') roles.set(subject, new Set(named))
}

function matches(known: Known, entry: Entry, filter: ExportFilter): boolean {
  const { run, repository, role, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = filter
  const timeMs = Date.parse(entry.time)
  if (run !== undefined && entry.run !== run) return false
  if (!(timeMs >= fromMs && timeMs < toMs)) return false
  if (repository !== undefined && !isOfRepository(known, entry, repository)) return false
  return role === undefined || isOfRole(known, entry, role)
}

function isOfRepository({ repositories }: Known, entry: Entry, repository: string): boolean {
  if (entry.run !== undefined && repositories.get(entry.run)?.has(repository) === true) return true
  // A refusal has no run yet, but the claims of the one who was refused.
  const { job } = factsOf(entry)
  return job.repository === repository || job.repositoryId === repository
}

function isOfRole({ roles }: Known, entry: Entry, role: string): boolean {
  const facts = factsOf(entry)
  const of = (id: string | undefined) => id !== undefined && roles.get(id)?.has(role) === true
  return facts.roles.includes(role) || of(entry.subject) || of(facts.step)
}
