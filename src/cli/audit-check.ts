import { createRunsCheck, type RunsVerdict } from '../audit/verify/index.ts'
import { entriesOf } from './audit-checkpoint.ts'
import { checkPeopleOf, type PeopleOptions, tellPeople } from './audit-people.ts'
import { exitCodes, print } from './output.ts'
import { visible } from './story.ts'

/**
 * Finds runs whose record has gaps (an entry that was written and is not there, an end that is missing), and names of people
 * that are not what the log says.
 */
export async function checkAudit(options: PeopleOptions): Promise<number> {
  const check = createRunsCheck()
  const people = checkPeopleOf(options)
  for await (const { index, bytes } of entriesOf(options)) {
    check.add(index, bytes)
    await people?.add(index, bytes)
  }
  const names = await people?.verdict()
  const verdict = check.verdict()
  const { runs, finished, open, problems, unreadable } = verdict
  const ok = problems.length === 0 && unreadable.length === 0 && (names?.problems.length ?? 0) === 0
  print(options.json, { ok, ...verdict, people: names }, [
    ...problems.map(({ run, kind, message }) => visible(`${kind.toUpperCase()} in run ${run}: ${message}`)),
    ...(unreadable.length === 0 ? [] : [`UNREADABLE: ${listed(unreadable)}`]),
    ...(names === undefined ? [] : tellPeople(names)),
    `${heading(verdict)}: ${runs} runs, ${finished} finished, ${open.length} under way (hashes: mayfly audit verify)`,
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}

/** What cannot be read is no gap, and not fine either: it may be of any run. */
function heading({ problems, unreadable }: RunsVerdict): string {
  if (problems.length > 0) return 'GAPS'
  return unreadable.length > 0 ? 'UNREADABLE ENTRIES, no gap in the others' : 'no gap'
}

function listed(entries: readonly number[]): string {
  const shown = entries.slice(0, 20)
  const more = entries.length > shown.length ? ' and more' : ''
  return `${entries.length === 1 ? 'entry' : 'entries'} ${shown.join(', ')}${more}`
}
