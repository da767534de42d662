import { setTimeout as pause } from 'node:timers/promises'
import { madeWithIt, type CompromiseAnswer } from './compromise-answer.ts'
import { writeReport, type Uses } from './compromise-report.ts'
import { createOperatorApi, type OperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'
import type { SearchOptions } from './audit-search.ts'
import { confirm } from './prompt.ts'
import { sentence } from './secret-rotate.ts'

const looks = 120
const lookMs = 500

/**
 * Says that others know the value in use, and waits for the answer: 0 if the old value was seen dead, 1 if nothing could prove it,
 * 3 if it is not over. Said again, it goes on.
 */
export async function compromiseSecret(
  name: string,
  options: SearchOptions & {
    server?: string
    reason?: string
    again: boolean
    yes: boolean
    report?: string
  },
): Promise<number> {
  const api = createOperatorApi(options)
  const { reason, again } = options
  // A script acts at once: each minute counts.
  if (process.stdin.isTTY)
    await confirm(`this ends every lease of secret "${name}", cuts its steps and has it rotated`, options)
  const begun = await api.call<CompromiseAnswer & { new: boolean }>('POST', pathOf(name), {
    again,
    ...(reason === undefined ? {} : { reason }),
  })
  const seen = await watch(api, name, begun)
  const uses: Uses | undefined =
    options.report === undefined ? undefined : await writeReport(options.report, seen, options)
  print(
    options.json,
    { ...seen, new: begun.new, ...(uses === undefined ? {} : { report: uses.files, uses: uses.count }) },
    [
      ...(begun.new ? [] : [earlier(seen)]),
      ...linesOf(seen),
      ...(uses === undefined
        ? []
        : [`${uses.count} leases in ${uses.runs} runs used it: ${uses.files.join(', ')}`]),
    ],
  )
  if (seen.ended === null) return exitCodes.unavailable
  return seen.proof === 'probed' ? exitCodes.ok : exitCodes.refused
}

async function watch(api: OperatorApi, name: string, begun: CompromiseAnswer): Promise<CompromiseAnswer> {
  let seen = begun
  for (let look = 0; look < looks && seen.ended === null && seen.needs === null; look++) {
    await pause(lookMs)
    seen = await api.call<CompromiseAnswer>('GET', pathOf(name))
  }
  return seen
}

/** Somebody may mean the value that took its place. */
function earlier({ secret, version, in_use, said }: CompromiseAnswer): string {
  const which = `${secret}: this is the answer to what was said on ${said}, of version ${version}`
  return in_use > version
    ? `${which}. Version ${in_use} is in use: if others know that, too, say --again`
    : which
}

function linesOf(seen: CompromiseAnswer): string[] {
  const { secret, version, leases, rotation, needs, proof, ended } = seen
  return [
    `${secret}: nothing is leased from version ${version} any more; ${leases} ${leases === 1 ? 'lease was' : 'leases were'} ended`,
    ...(rotation === null ? [] : [sentence(rotation, seen.in_use)]),
    ...seen.made_with.map(madeWithIt),
    ...(needs === null ? [] : [`a person must act: ${needs}; then run this again`]),
    ...(ended !== null && proof === 'probed' ? ['the old value was tried, and is dead'] : []),
    ...(ended !== null && proof !== 'probed'
      ? ['it could not be proved that the old value is dead: look at its upstream']
      : []),
    ...(ended === null && needs === null
      ? ['it is not over yet: run this again, or look at mayfly secret status']
      : []),
  ]
}

function pathOf(name: string): string {
  return `/v1/compromises/${encodeURIComponent(name)}`
}
