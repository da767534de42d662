import { parsePurl } from '../../lib/index.ts'

/** A file of a package that a step, or the steps of a run, were given. */
export interface Component {
  /** Unlike that of any other. */
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

/** A file of a package, as often as it was given. */
export interface PackageFile {
  readonly purl: string
  readonly integrity: string
  /** Of its bytes, in hex. */
  readonly sha256: string | undefined
  readonly by: string
  readonly connection: string
}

interface Known {
  readonly item: Pick<PackageFile, 'purl' | 'integrity' | 'sha256'>
  readonly verifiedBy: Set<string>
  readonly connections: Set<string>
}

/** Each file once, sorted, whoever verified it and wherever it came from. */
export function componentsOf(files: readonly PackageFile[]): Component[] {
  const refs = new Map<string, number>()
  const known = new Map<string, Known>()
  for (const { by, connection, ...item } of files) {
    const key = `${item.purl}\n${item.sha256 ?? item.integrity}`
    const of = known.get(key) ?? { item, verifiedBy: new Set(), connections: new Set() }
    known.set(key, of)
    of.verifiedBy.add(by)
    of.connections.add(connection)
  }
  return [...known]
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
