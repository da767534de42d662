import type { FoundRun } from '../audit/search/index.ts'
import { openNames } from './audit-names.ts'
import { openAuditSearch, type SearchOptions } from './audit-search.ts'
import { openPeopleOf } from './audit-people.ts'
import { timeOf } from './audit-time.ts'
import { endWithReader, exitCodes, table, toJson } from './output.ts'
import { visible } from './story.ts'

export interface RunsOptions extends SearchOptions {
  repository?: string
  from?: string
  to?: string
  lines: number
}

/** The runs of the log, newest first: when, of what, by whom, and how it went. */
export async function listRuns(options: RunsOptions): Promise<number> {
  endWithReader()
  const { search } = await openAuditSearch(options)
  try {
    const names = openNames(search, openPeopleOf(options))
    const runs = []
    for (const run of search.runs()) {
      if (!isWanted(run, options)) continue
      if (runs.length >= options.lines) break
      const person = run.job.actor?.person
      runs.push({ ...run, actor: person === undefined ? undefined : await names.nameOf(person) })
    }
    if (options.json) process.stdout.write(`${toJson({ runs: runs.map(plain) })}\n`)
    else process.stdout.write(`${lines(runs).map(visible).join('\n')}\n`)
    return runs.length === 0 ? exitCodes.refused : exitCodes.ok
  } finally {
    search.close()
  }
}

function isWanted({ job, firstMs, lastMs }: FoundRun, { repository, from, to }: RunsOptions): boolean {
  const [fromMs = 0, toMs = Number.POSITIVE_INFINITY] = [timeOf(from), timeOf(to)]
  if (lastMs < fromMs || firstMs >= toMs) return false
  return repository === undefined || job.repository === repository || job.repositoryId === repository
}

type NamedRun = FoundRun & { actor: string | undefined }

function plain({ job, firstMs, lastMs, ...run }: NamedRun): object {
  const { actor: _pseudonym, ...place } = job
  const [started, last] = [firstMs, lastMs].map((ms) => new Date(ms).toISOString())
  return { ...run, ...place, started, last }
}

function lines(runs: readonly NamedRun[]): string[] {
  if (runs.length === 0) return ['no run']
  return table([
    ['RUN', 'BEGAN', 'STATE', 'STEPS', 'FAILED', 'REFUSED', 'REPOSITORY', 'REF', 'COMMIT', 'BY'],
    ...runs.map(({ run, firstMs, ended, steps, failed, denied, job, actor }) => [
      run,
      new Date(firstMs).toISOString().replace('T', ' '),
      ended ? 'ended' : 'open',
      String(steps),
      String(failed),
      String(denied),
      job.repository ?? '-',
      job.ref ?? '-',
      job.commit?.slice(0, 12) ?? '-',
      actor ?? '-',
    ]),
  ])
}
