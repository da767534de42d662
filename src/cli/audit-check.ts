import { createRunsCheck } from '../audit/verify/index.ts'
import { entriesOf } from './audit-checkpoint.ts'
import type { AuditOptions } from './audit-source.ts'
import { exitCodes, print } from './output.ts'
import { visible } from './story.ts'

/** Finds runs whose record has gaps: an entry that was written and is not there, an end that is missing. */
export async function checkAudit(options: AuditOptions): Promise<number> {
  const check = createRunsCheck()
  for await (const { index, bytes } of entriesOf(options)) check.add(index, bytes)
  const verdict = check.verdict()
  const { runs, finished, open, problems, unreadable } = verdict
  const ok = problems.length === 0 && unreadable.length === 0
  print(options.json, { ok, ...verdict }, [
    ...problems.map(({ run, kind, message }) => visible(`${kind.toUpperCase()} in run ${run}: ${message}`)),
    ...(unreadable.length === 0 ? [] : [`UNREADABLE: entries ${unreadable.slice(0, 20).join(', ')}`]),
    `${ok ? 'no gap' : 'GAPS'}: ${runs} runs, ${finished} finished, ${open.length} under way (hashes: mayfly audit verify)`,
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}
