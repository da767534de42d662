import { parseEntry, type Entry } from '../verify/index.ts'
import { componentsOf, type Component, type PackageFile } from './components.ts'

export interface Collected {
  readonly run: string
  /** Entries of the run; none: the log does not have it. */
  readonly entries: number
  /** Of the newest one. */
  readonly time: string
  /** Whether its end is among them. */
  readonly finished: boolean
  /** Entries of it may be missing. */
  readonly lost: boolean
  readonly repository: string | undefined
  readonly commit: string | undefined
  /** Sorted by their `ref`. */
  readonly components: readonly Component[]
}

/** Takes entries of the log in their order, and keeps those of one run. */
export function createCollector(run: string): {
  add(bytes: Uint8Array): void
  collected(): Collected
} {
  const known: PackageFile[] = []
  let [entries, time, finished, lost] = [0, '', false, false]
  let job: { repository?: string; commit?: string } = {}

  function addPackages({ data }: Entry): void {
    const connection = textOf(data['connection']) ?? ''
    const packages = data['packages']
    if (!Array.isArray(packages)) return
    for (const one of packages) {
      // What is read to choose a version says nothing of whether it was chosen.
      if (!isObject(one) || one['part'] === true) continue
      const [purl, integrity, sha256] = [textOf(one['purl']), textOf(one['integrity']), textOf(one['sha256'])]
      if (purl === undefined || integrity === undefined) continue
      known.push({ purl, integrity, sha256, by: textOf(one['by']) ?? 'unknown', connection })
    }
  }

  return {
    add(bytes) {
      const entry = parseEntry(bytes)
      if (entry === undefined || entry.run !== run) return
      entries++
      if (entry.time > time) time = entry.time
      if (entry.type === 'run.finished') finished = true
      if (entry.type === 'session.issued') finished = false
      if (entry.type === 'entries.lost') lost = true
      if (entry.type === 'run.started') {
        const [repository, commit] = [textOf(entry.data['repository']), textOf(entry.data['commit'])]
        job = {
          ...(repository === undefined ? {} : { repository }),
          ...(commit === undefined ? {} : { commit }),
        }
      }
      if (entry.type === 'packages.downloaded') addPackages(entry)
    },
    collected: () => ({
      ...{ run, entries, time, finished, lost },
      repository: job.repository,
      commit: job.commit,
      components: componentsOf(known),
    }),
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
