import { createRunsCheck } from '../audit/verify/index.ts'
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
  const isWhole = problems.length === 0 && unreadable.length === 0
  const ok = isWhole && (names?.problems.length ?? 0) === 0
  print(options.json, { ok, ...verdict, people: names }, [
    ...problems.map(({ run, kind, message }) => visible(`${kind.toUpperCase()} in run ${run}: ${message}`)),
    ...(unreadable.length === 0 ? [] : [`UNREADABLE: entries ${unreadable.slice(0, 20).join(', ')}`]),
    ...(names === undefined ? [] : tellPeople(names)),
    `${isWhole ? 'no gap' : 'GAPS'}: ${runs} runs, ${finished} finished, ${open.length} under way (hashes: mayfly audit verify)`,
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}
