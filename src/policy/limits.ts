import { formOf, includes, intersects, isAtLeast, type Isolation } from '../lib/index.ts'
import { durationSeconds, type ConfigProblem, type LimitsConfig, type Locate } from '../config/index.ts'
import { actionNames, actionsOf, kindOf, namesPath, namesRef } from '../kinds/index.ts'
import { hint, splitGrant, unnamedPart, type Grant, type Operation } from './grant.ts'

/** Grants in one pattern. A part that is left out stands for anything. */
interface GrantPattern {
  readonly source: string
  readonly action: string
  readonly connection: string
  readonly path: string
  readonly ref: string | undefined
}

/** `limits:` of mayfly.yaml, compiled. */
export interface Limits {
  readonly maxTtlSeconds: number
  readonly maxWaitSeconds: number
  /** The least of every role; `none` if left out. */
  readonly isolation: Isolation
  /** The pattern of `forbidden_grants` that the grant reaches into. */
  forbids(grant: Grant | Operation): string | undefined
  /** The pattern of `require_approval` that the grant reaches into. */
  wantsApproval(grant: Grant | Operation): string | undefined
  /** The key of `limits` that does not let a role name this host. */
  refusesEgress(host: { readonly source: string; readonly private: boolean }): string | undefined
}

/** host:port as it is named under `egress`. */
const hostAndPort = formOf({
  rule: 'host:port',
  is: (text) => /^(?:\*\.|\?\.)?(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):[1-9][0-9]{0,4}$/.test(text),
  fillers: ['x', '', '1', 'x:1', ':1', 'x.', '.x'],
  mend: (pattern) => `${pattern}:*`,
})

export function compileLimits(
  config: LimitsConfig | undefined,
  connections: ReadonlyMap<string, string>,
  locate: Locate,
): { limits: Limits; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = []
  const compile = (key: 'forbidden_grants' | 'require_approval') =>
    (config?.[key] ?? []).flatMap((source, i) => {
      const pattern = parsePattern(source, connections)
      if (typeof pattern !== 'string') return [pattern]
      problems.push({ ...locate(['limits', key, i]), message: pattern })
      return []
    })
  const forbidden = compile('forbidden_grants')
  const approved = compile('require_approval')
  const hosts = (key: 'egress' | 'private_egress') => {
    for (const [i, source] of (config?.[key] ?? []).entries()) {
      if (hostAndPort.possible(source)) continue
      const meant = hostAndPort.meant(source)
      const better = meant === undefined ? '' : `: write "${meant}"`
      const message = `limit "${source}" could never match: it is not ${hostAndPort.rule}${better}`
      problems.push({ ...locate(['limits', key, i]), message })
    }
    return config?.[key]
  }
  const most = { egress: hosts('egress'), private_egress: hosts('private_egress') }
  const limits: Limits = {
    maxTtlSeconds: config?.max_ttl === undefined ? Number.POSITIVE_INFINITY : durationSeconds(config.max_ttl),
    maxWaitSeconds:
      config?.max_wait === undefined ? Number.POSITIVE_INFINITY : durationSeconds(config.max_wait),
    isolation: config?.isolation ?? 'none',
    forbids: (grant) => forbidden.find((pattern) => reaches(grant, pattern))?.source,
    wantsApproval: (grant) => approved.find((pattern) => reaches(grant, pattern))?.source,
    refusesEgress({ source, private: named }) {
      const key = named ? 'private_egress' : 'egress'
      const isWithin = most[key]?.some((wide) => includes(wide, source)) ?? true
      return isWithin ? undefined : `limits.${key}`
    },
  }
  return { limits, problems }
}

// A limit that limits nothing is one that its author believes in.
function parsePattern(source: string, connections: ReadonlyMap<string, string>): GrantPattern | string {
  const parts = splitGrant(source)
  if (parts === undefined)
    return `limit "${source}" is not of the form "action connection/path@refs/..."; * may stand for any of it`
  const { action, connection, path, ref } = parts
  if (!actionNames.some((name) => intersects(action, name)))
    return `limit "${source}": no action is called ${action}; ${hint(action, actionNames)}`
  if (![...connections.keys()].some((name) => intersects(connection, name)))
    return `limit "${source}": there is no connection "${connection}"; ${hint(connection, [...connections.keys()])}`
  const matching = actionNames.filter((name) => intersects(action, name))
  const ofPath = matching.filter((name) => path === undefined || path === '*' || namesPath(name))
  if (ofPath.length === 0)
    return `limit "${source}": ${action} is for a connection as a whole: write "${action} ${connection}"`
  const possible = ofPath.filter((name) => ref === undefined || namesRef(name))
  if (possible.length === 0) return `limit "${source}": ${action} names no ref, so this would match nothing`
  const kinds = new Set(possible.flatMap((name) => kindOf(name) ?? []))
  const reached = [...kinds].filter((kind) =>
    [...connections].some(([name, other]) => other === kind && intersects(connection, name)),
  )
  if (reached.length === 0)
    return `limit "${source}": ${action} is for no connection called ${connection}, so this would match nothing`
  const unnamed = unnamedPart(parts, reached)
  if (unnamed !== undefined) return `limit "${source}" ${unnamed}`
  return { source, action, connection, path: path ?? '*', ref }
}

function reaches(grant: Grant | Operation, pattern: GrantPattern): boolean {
  return (
    actionsOf(grant.action).some((action) => intersects(action, pattern.action)) &&
    intersects(grant.connection, pattern.connection) &&
    // Git hosts read names without case: another spelling must not get round a limit.
    intersects(grant.path.toLowerCase(), pattern.path.toLowerCase()) &&
    (pattern.ref === undefined || (grant.ref !== undefined && intersects(grant.ref, pattern.ref)))
  )
}

/** Where a role exceeds the ceiling, by the key to change. */
export function excessOf(
  role: {
    readonly ttlSeconds: number
    readonly maxWaitSeconds: number
    readonly isolation: Isolation
    readonly approval: boolean
    readonly grants: readonly (Grant & { readonly index: number })[]
    readonly egress: readonly { readonly source: string; readonly private: boolean; readonly index: number }[]
  },
  limits: Limits,
): { key: readonly PropertyKey[]; message: string }[] {
  const found: { key: readonly PropertyKey[]; message: string }[] = []
  if (role.ttlSeconds > limits.maxTtlSeconds)
    found.push({ key: ['ttl'], message: `ttl is over limits.max_ttl (${limits.maxTtlSeconds}s)` })
  if (role.maxWaitSeconds > limits.maxWaitSeconds)
    found.push({ key: ['max_wait'], message: `max_wait is over limits.max_wait (${limits.maxWaitSeconds}s)` })
  if (!isAtLeast(role.isolation, limits.isolation))
    found.push({ key: ['isolation'], message: `limits.isolation asks for ${limits.isolation}` })
  for (const host of role.egress) {
    const by = limits.refusesEgress(host)
    if (by !== undefined)
      found.push({
        key: ['egress', host.index],
        message: `"${host.source}" is beyond what ${by} lets roles reach`,
      })
  }
  for (const grant of role.grants) {
    const key = ['grants', grant.index]
    const forbidden = limits.forbids(grant)
    if (forbidden !== undefined)
      found.push({ key, message: `"${grant.source}" reaches into what limits forbid: "${forbidden}"` })
    const approved = limits.wantsApproval(grant)
    if (approved !== undefined && !role.approval && grant.conditions?.approval === undefined)
      found.push({
        key,
        message: `"${grant.source}" needs a role with approval, by limits.require_approval "${approved}" (or \`approval\` of the grant itself)`,
      })
  }
  return found
}
