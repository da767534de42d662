import { ageMs, type ConnectionConfig, type PolicyDocument } from '../config/index.ts'
import { kindNamed } from '../kinds/index.ts'
import { compilePattern, parsePurl } from '../lib/index.ts'

/** What a registry may give to steps, beside what their roles may have. */
export interface PackageRules {
  /** As in package URLs: `npm`. */
  readonly ecosystem: string
  /** Patterns of the names that it serves; undefined: any that no other connection has for itself. */
  readonly only: readonly string[] | undefined
  /** Why a package of this name is not this registry's to serve; undefined if it is. */
  unserved(name: string): string | undefined
  /** Why nobody gets it; undefined if it is not blocked. */
  blocked(purl: string): string | undefined
  mayChange(purl: string): boolean
  readonly minimumAge: { readonly text: string; readonly ms: number } | undefined
  /** What is asked of the provenance of files; undefined: nothing. */
  readonly provenance:
    | {
        readonly mode: 'record' | 'no-downgrade' | 'require'
        /** Path of the file; undefined: attestations are the registry's word. */
        readonly trustedRoot: string | undefined
      }
    | undefined
  provenanceMayChange(purl: string): boolean
  /** Whether it is looked at when a version was published. */
  readonly asksAge: boolean
  /** Folder of OSV reports. */
  readonly osv: string | undefined
}

type Connections = PolicyDocument['connections']

/** The rules of a connection, beside those of the others; undefined for a kind that has no packages. */
export function compilePackageRules(name: string, connections: Connections): PackageRules | undefined {
  const config = connections[name]
  const ecosystem = config === undefined ? undefined : kindNamed(config.kind).ecosystem
  if (config === undefined || ecosystem === undefined) return undefined
  const own = config.only?.map(compilePattern)
  const others = Object.entries(connections).filter(
    ([other, { kind }]) => other !== name && kindNamed(kind).ecosystem === ecosystem,
  )
  const reserved = others.flatMap(([other, { only = [] }]) =>
    only.map((source) => ({ other, pattern: compilePattern(source) })),
  )
  const blocked = packagesIn(config.blocked, loosely)
  const mayChange = packagesIn(config.may_change)
  const provenanceMayChange = packagesIn(config.provenance_may_change)
  const { minimum_age: age, osv, provenance: mode = 'off', trusted_root: trustedRoot } = config
  return {
    ecosystem,
    only: config.only,
    unserved(packageName) {
      if (own !== undefined)
        return own.some((pattern) => pattern.matches(packageName))
          ? undefined
          : `connection "${name}" serves only ${own.map(({ source }) => source).join(', ')}`
      const taken = reserved.find(({ pattern }) => pattern.matches(packageName))
      return taken === undefined
        ? undefined
        : `packages ${taken.pattern.source} come from connection "${taken.other}" alone (its only)`
    },
    blocked(purl) {
      const by = blocked(purl)
      return by === undefined ? undefined : `connection "${name}" blocks ${by}`
    },
    mayChange: (purl) => mayChange(purl) !== undefined,
    minimumAge: age === undefined ? undefined : { text: age, ms: ageMs(age) },
    provenance: mode === 'off' ? undefined : { mode, trustedRoot },
    provenanceMayChange: (purl) => provenanceMayChange(purl) !== undefined,
    asksAge: age !== undefined || mode === 'no-downgrade' || mode === 'require',
    osv,
  }
}

/** What is wrong with what a connection says of packages; undefined if nothing is. */
export function packageRulesProblem(config: ConnectionConfig): string | undefined {
  const { ecosystem, path } = kindNamed(config.kind)
  if (ecosystem === undefined) return undefined
  const nameless = config.only?.find((source) => path.form.witness(source) === undefined)
  if (nameless !== undefined) return `only: "${nameless}" matches no package (${path.form.rule})`
  const { provenance = 'off', trusted_root: root, blocked = [], may_change: may = [] } = config
  const { provenance_may_change: exempt = [] } = config
  if (provenance === 'off' && (root !== undefined || exempt.length > 0))
    return 'trusted_root and provenance_may_change say nothing without provenance: record, no-downgrade or require'
  if (provenance === 'record' && exempt.length > 0)
    return 'provenance_may_change says nothing where provenance is only recorded'
  if (provenance === 'require' && root === undefined)
    return 'provenance: require needs a trusted_root, since without one it is whatever the registry says (gh attestation trusted-root)'
  const foreign = [...blocked, ...may, ...exempt].find((source) => parsePurl(source)?.type !== ecosystem)
  return foreign === undefined
    ? undefined
    : `"${foreign}" is no package of this kind: write pkg:${ecosystem}/...`
}

/** Registries write one package in several ways (`Octo_App`, `octo-app`): a blocked one is blocked in all of them. */
const loosely = (name: string) => name.toLowerCase().replaceAll(/[-_.]+/g, '-')

/** The pattern that a package matches, by its name in all versions or by name and version. */
function packagesIn(
  sources: readonly string[] = [],
  spell = (name: string) => name,
): (purl: string) => string | undefined {
  const patterns = sources.map((source) => {
    const { name = '', version } = parsePurl(source) ?? {}
    return {
      source,
      name: compilePattern(spell(name)),
      version: version === undefined ? undefined : compilePattern(version),
    }
  })
  return (purl) => {
    const { name, version = '' } = parsePurl(purl) ?? {}
    if (name === undefined) return undefined
    return patterns.find((one) => one.name.matches(spell(name)) && (one.version?.matches(version) ?? true))
      ?.source
  }
}
