import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MayflyError, limits, messageOf, type Clock } from '../../lib/index.ts'

/**
 * What a folder of OSV reports says is malicious: those with an id `MAL-...`; of vulnerabilities that somebody found in an honest
 * package it does not judge. Read when it is first asked, and again once an hour.
 */
export interface Malicious {
  /** Ids of the reports that name this version. Throws `bad_input` if the folder cannot be read. */
  reports(folder: string, ecosystem: string, name: string, version: string): Promise<readonly string[]>
}

/** OSV's names of ecosystems (ossf.github.io/osv-schema, "affected[].package"), by those of package URLs. */
const ecosystems: Readonly<Record<string, string>> = {
  npm: 'npm',
  pypi: 'PyPI',
  golang: 'Go',
  cargo: 'crates.io',
  maven: 'Maven',
  gem: 'RubyGems',
  nuget: 'NuGet',
}

interface Report {
  readonly id: string
  /** Undefined: every version. */
  readonly versions: ReadonlySet<string> | undefined
}
type Reports = ReadonlyMap<string, readonly Report[]>

const againMs = 3_600_000

export function createMalicious({ clock }: { clock: Clock }): Malicious {
  const folders = new Map<string, { reports: Promise<Reports>; readMs: number }>()

  function reportsIn(folder: string): Promise<Reports> {
    const known = folders.get(folder)
    const nowMs = clock.nowMs()
    if (known !== undefined && nowMs - known.readMs < againMs) return known.reports
    const reading = readReports(folder)
    // While it is being read anew, or cannot be, what was read before counts.
    const reports = known === undefined ? reading : reading.catch(() => known.reports)
    folders.set(folder, { reports, readMs: nowMs })
    if (known === undefined) reading.catch(() => folders.delete(folder))
    return reports
  }

  return {
    async reports(folder, ecosystem, name, version) {
      const reports = await reportsIn(folder)
      const found = reports.get(keyOf(ecosystems[ecosystem] ?? ecosystem, name)) ?? []
      return found.filter(({ versions }) => versions?.has(version) ?? true).map(({ id }) => id)
    },
  }
}

async function readReports(folder: string): Promise<Reports> {
  const reports = new Map<string, Report[]>()
  let at = folder
  try {
    const files = await readdir(folder, { recursive: true })
    const named = files.filter((file) => file.endsWith('.json'))
    if (named.length > limits.osvReports)
      throw new MayflyError('bad_input', `it has more than ${limits.osvReports} reports`)
    for (const file of named) {
      at = join(folder, file)
      if ((await stat(at)).size > limits.osvReportBytes)
        throw new MayflyError('bad_input', `it is longer than ${limits.osvReportBytes} bytes`)
      addReport(reports, JSON.parse(await readFile(at, 'utf8')))
    }
  } catch (cause) {
    throw new MayflyError('bad_input', `the OSV reports at ${at} cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
  return reports
}

function addReport(reports: Map<string, Report[]>, report: unknown): void {
  const { id, affected, withdrawn } = objectOf(report)
  if (typeof id !== 'string' || !id.startsWith('MAL-') || withdrawn !== undefined) return
  for (const one of listOf(affected)) {
    const { package: named, versions, ranges } = objectOf(one)
    const { ecosystem, name } = objectOf(named)
    if (typeof ecosystem !== 'string' || typeof name !== 'string') continue
    // A range is ordered as its ecosystem orders versions: a malicious package is refused in all of them rather.
    const all = listOf(versions).length === 0 || listOf(ranges).some(isOpen)
    const known = reports.get(keyOf(ecosystem, name)) ?? []
    known.push({ id, versions: all ? undefined : new Set(listOf(versions).map(String)) })
    reports.set(keyOf(ecosystem, name), known)
  }
}

/** From the first version on, and never mended. */
function isOpen(range: unknown): boolean {
  const events = listOf(objectOf(range)['events']).map(objectOf)
  return (
    events.some(({ introduced }) => introduced === '0') &&
    !events.some(({ fixed, last_affected: last }) => fixed !== undefined || last !== undefined)
  )
}

/** `group:artifact` of Maven is `group/artifact` in package URLs; case is nobody's to hide behind. */
function keyOf(ecosystem: string, name: string): string {
  return `${ecosystem} ${ecosystem === 'Maven' ? name.replace(':', '/') : name}`.toLowerCase()
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
