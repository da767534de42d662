import { isIP } from 'node:net'
import { canonicalHost, classifyAddress, type AddressClass } from '../lib/index.ts'
import { withPort, type ConfigProblem, type EgressEntry, type Locate } from '../config/index.ts'

/** A host that steps may reach with no credential. */
export interface EgressRule {
  /** As it is written. */
  readonly source: string
  readonly port: number
  /** `*.` in front stands for one or more labels; the apex itself is not meant. */
  readonly host: string
  readonly anyLabelBefore: boolean
  /** It may be at a private address, since it is named as such. Only a role can say so. */
  readonly private: boolean
  /** Where it stands: `egress`, or `roles.NAME.egress`. */
  readonly list: string
}

/** What steps may reach beside the connections: the list for everybody, and that of the role. */
export interface Egress {
  of(role: string): readonly EgressRule[]
  allows(host: string, port: number, role: string): EgressRule | undefined
}

interface EgressConfig {
  readonly egress: readonly string[]
  readonly roles: Readonly<Record<string, { readonly egress: readonly EgressEntry[] }>>
}

/**
 * Compiles `egress:` of mayfly.yaml and of its roles. `taken` tells which connection is at a host and port: an entry for
 * it would never be asked. What could never match is a problem.
 */
export function compileEgress(
  config: EgressConfig,
  locate: Locate,
  taken: (host: string, port: number) => string | undefined,
): { egress: Egress; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = []
  const compile = (entries: readonly EgressEntry[], path: readonly string[]) =>
    entries.map((entry, i) => {
      const rule = compileRule(entry, path.join('.'))
      const problem = problemOf(rule, taken(rule.host, rule.port))
      if (problem !== undefined)
        problems.push({ ...locate([...path, i]), message: `egress rule "${rule.source}" ${problem}` })
      return rule
    })
  const everybody = compile(config.egress, ['egress'])
  const byRole = new Map(
    Object.entries(config.roles).map(([name, role]) => [
      name,
      compile(role.egress, ['roles', name, 'egress']),
    ]),
  )
  // The role's first: of two entries for one host the one that names it as private allows more.
  const of = (role: string) => [...(byRole.get(role) ?? []), ...everybody]
  return {
    problems,
    egress: {
      of,
      allows(host, port, role) {
        const matching = of(role).filter((rule) => rule.port === port && matchesHost(rule, host))
        return matching.find((rule) => rule.private) ?? matching[0]
      },
    },
  }
}

/**
 * The entry that would let a role reach the host, as it is pasted into mayfly.yaml; undefined for a loopback,
 * link-local or metadata address, which no entry opens. A name is taken for a public one.
 */
export function missingEgress(host: string, port: number): string | undefined {
  const place = placeOf(host)
  const name = JSON.stringify(`${isIP(host) === 6 ? `[${host}]` : host}:${port}`)
  if (place === 'local') return undefined
  return place === 'private' ? `{ host: ${name}, private: true }` : name
}

function placeOf(host: string): AddressClass {
  if (host === 'localhost') return 'local'
  return isIP(host) === 0 ? 'public' : classifyAddress(host)
}

function compileRule(entry: EgressEntry, list: string): EgressRule {
  const isNamed = typeof entry !== 'string'
  const source = isNamed ? entry.host : entry
  const whole = withPort(source)
  const at = whole.lastIndexOf(':')
  const written = whole.slice(0, at)
  const anyLabelBefore = written.startsWith('*.')
  const host = anyLabelBefore ? written.slice(1) : (canonicalHost(written) ?? written)
  return { source, port: Number(whole.slice(at + 1)), host, anyLabelBefore, private: isNamed, list }
}

function problemOf(rule: EgressRule, connection: string | undefined): string | undefined {
  const { host, port, anyLabelBefore, source } = rule
  const name = anyLabelBefore ? host.slice(1) : host
  const isHost = port >= 1 && port <= 65_535 && canonicalHost(name) === name
  if (!isHost || (anyLabelBefore && isIP(name) !== 0))
    return 'could never match: write a host, with a port unless it is 443: deb.example.org'
  if (connection !== undefined) return `is connection "${connection}", which is asked first: remove it`
  const place = placeOf(name)
  if (place === 'local')
    return 'is a loopback, link-local or metadata address, where no step is let: a connection may name it'
  if (place === 'private' && !rule.private)
    return `could never match, since it is a private address: name it in the role that needs it, { host: "${source}", private: true }`
  return undefined
}

function matchesHost(rule: EgressRule, host: string): boolean {
  if (!rule.anyLabelBefore) return host === rule.host
  return host.length > rule.host.length && host.endsWith(rule.host)
}
