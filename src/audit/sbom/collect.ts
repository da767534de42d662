import { parsePurl } from '../../lib/index.ts'
import { parseEntry, type Entry } from '../verify/index.ts'

/** A file of a package that steps of the run were given. */
export interface Component {
  /** Unlike that of any other of the run. */
  readonly ref: string
  readonly purl: string
  /** Type in its package URL; name with namespace. */
  readonly type: string
  readonly name: string
  readonly version: string | undefined
  /** In hex. */
  readonly digests: readonly { readonly algorithm: 'SHA-256' | 'SHA-384' | 'SHA-512'; readonly hex: string }[]
  /** As the log has it. */
  readonly integrity: string
  /** What named the digest that held, of each time that it was fetched. */
  readonly verifiedBy: readonly string[]
  readonly connections: readonly string[]
}

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

interface Known {
  readonly item: { readonly purl: string; readonly integrity: string; readonly sha256: string | undefined }
  readonly verifiedBy: Set<string>
  readonly connections: Set<string>
}

/** Takes entries of the log in their order, and keeps those of one run. */
export function createCollector(run: string): {
  add(bytes: Uint8Array): void
  collected(): Collected
} {
  const known = new Map<string, Known>()
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
      const key = `${purl}\n${sha256 ?? integrity}`
      const of = known.get(key) ?? {
        item: { purl, integrity, sha256 },
        verifiedBy: new Set<string>(),
        connections: new Set<string>(),
      }
      known.set(key, of)
      of.verifiedBy.add(textOf(one['by']) ?? 'unknown')
      of.connections.add(connection)
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
      components: componentsOf([...known.entries()]),
    }),
  }
}

function componentsOf(known: readonly (readonly [string, Known])[]): Component[] {
  const refs = new Map<string, number>()
  return known
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { item, verifiedBy, connections }]) => {
      const { purl, integrity } = item
      const { type = 'generic', name = purl, version } = parsePurl(purl) ?? {}
      // A version may be several files: wheels of several platforms.
      const count = (refs.get(purl) ?? 0) + 1
      refs.set(purl, count)
      return {
        ...{ ref: count === 1 ? purl : `${purl}#file-${count}`, purl, type, name, version, integrity },
        digests: digestsOf(item),
        verifiedBy: [...verifiedBy].toSorted(),
        connections: [...connections].toSorted(),
      }
    })
}

const algorithms = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const
const hexChars = { sha256: 64, sha384: 96, sha512: 128 } as const

/** That of the bytes, and the one that the integrity names if it is one: of several it is not known which held. */
function digestsOf({ integrity, sha256 }: Known['item']): Component['digests'] {
  const byBytes = sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? [sha256] : []
  const digests = byBytes.map((hex) => ({ algorithm: 'SHA-256' as const, hex }))
  const { name, digest } =
    /^(?<name>sha(?:256|384|512))-(?<digest>[A-Za-z0-9+/]+=*)$/.exec(integrity)?.groups ?? {}
  if (name === undefined || digest === undefined) return digests
  const algorithm = name as keyof typeof algorithms
  const hex = Buffer.from(digest, 'base64').toString('hex')
  if (hex.length !== hexChars[algorithm] || (algorithm === 'sha256' && digests.length > 0)) return digests
  return [...digests, { algorithm: algorithms[algorithm], hex }]
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
