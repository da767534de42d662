import type { PeopleReader } from '../audit/people/index.ts'
import { parseEntry, textOf } from '../audit/verify/index.ts'
import { entriesOf } from './audit-checkpoint.ts'
import { type AuditOptions, openPeopleOf } from './audit-source.ts'
import { endWithReader, exitCodes, print, toJson } from './output.ts'
import { tellEntry, type LogEntry, visible } from './story.ts'

/** Reads the published entries and tells one, those of one run, or all, in their order. */
export async function showAudit(
  entry: string | undefined,
  options: AuditOptions & { run?: string },
): Promise<number> {
  endWithReader()
  const people = openPeopleOf(options)
  const index = entry !== undefined && /^\d{1,15}$/.test(entry) ? Number(entry) : undefined
  const range = index === undefined ? {} : { from: index, to: index + 1 }
  let shown = 0
  // Each as it comes: how long a log is that somebody else serves is theirs to say, and must not fill our memory.
  for await (const one of entriesOf(options, range)) {
    const found = await revealed(entryOf(one.index, one.bytes), people)
    const wanted = index !== undefined || entry === undefined || found.id === entry
    if (!wanted || (options.run !== undefined && found.run !== options.run)) continue
    if (options.json) process.stdout.write(`${shown === 0 ? '{"entries":[' : ','}${toJson(found)}`)
    else
      print(
        false,
        found,
        entry === undefined ? tellEntry(found, options.run === undefined ? 'many' : 'run') : indented(found),
      )
    shown++
  }
  if (shown === 0) print(options.json, { entries: [] }, [nothing(entry, options.run)])
  else if (options.json) process.stdout.write(']}\n')
  return shown === 0 ? exitCodes.refused : exitCodes.ok
}

function indented(entry: LogEntry): string[] {
  return JSON.stringify(entry, null, 2).split('\n').map(visible)
}

function nothing(entry: string | undefined, run: string | undefined): string {
  if (entry !== undefined) return `there is no entry ${entry} (published once a second)`
  return run === undefined ? 'the log is empty' : `no entry of run ${run} (published once a second)`
}

/** The entry with the names of its people, where the folder has them; `--url` has none. */
export async function revealed(entry: LogEntry, people: PeopleReader | undefined): Promise<LogEntry> {
  if (people === undefined) return entry
  return { ...entry, data: await people.reveal(entry.index, entry.id, entry.data) }
}

/** What cannot be read is told, too: nothing that stands in the log is passed over. */
export function entryOf(index: number, bytes: Uint8Array): LogEntry {
  const entry = parseEntry(bytes)
  if (entry !== undefined) return { index, ...entry }
  return { index, id: '', time: '', type: 'unknown', subject: '', data: { text: textOf(bytes) } }
}
