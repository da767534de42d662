import { demandProblems, demandsOf } from '../attest/verify/index.ts'
import {
  durationSeconds,
  grantTextOf,
  sizeBytes,
  withPort,
  type ConfigProblem,
  type GrantEntry,
  type Locate,
  type PolicyDocument,
  type RoleConfig,
} from '../config/index.ts'
import { actionNamed, isCredentialAction, isWrite, kindNamed, kindOf } from '../kinds/index.ts'
import { intersects } from '../lib/index.ts'
import { undeliveredIn, unmintableIn, unpermittedIn } from './credential-problems.ts'
import {
  describeOperation,
  hint,
  operationWaitSeconds,
  parseGrant,
  type Grant,
  type ProvenanceDemand,
} from './grant.ts'
import type { IssuerFacts } from './issuer-facts.ts'
import { compileLimits, excessOf, type Limits } from './limits.ts'
import type { LintSubject, RoleDraft } from './lint/index.ts'
import type { Role, StepLimits } from './role.ts'
import { compileScan } from './scan.ts'
import { compileTrust } from './trust.ts'

/** The policy as it reads, before it is known to be sound. */
export interface PolicyDraft extends LintSubject {
  readonly roles: readonly (RoleDraft &
    Pick<
      Role,
      | 'ttlSeconds'
      | 'maxWaitSeconds'
      | 'graceSeconds'
      | 'isolation'
      | 'writes'
      | 'allow'
      | 'services'
      | 'limits'
      | 'scan'
    >)[]
  readonly limits: Limits
  /** Grants that are none, limits that are none, and roles that exceed them. */
  readonly problems: readonly ConfigProblem[]
}

/** A grant for packages that its connection does not serve would be in force, and never allow anything (design.md, Never 14). */
function unservedIn(
  { connections }: PolicyDocument,
  { source, connection, path }: Grant,
): string | undefined {
  const only = connections[connection]?.only
  return only === undefined || path === '' || only.some((served) => intersects(path, served))
    ? undefined
    : `"${source}" never allows anything: connection "${connection}" serves only ${only.join(', ')}`
}

/** The same of a ref that the connection's own settings give another spelling. */
function misspeltIn({ connections }: PolicyDocument, grant: Grant): string | undefined {
  const { source, action, connection, path, ref } = grant
  const kind = kindOf(action)
  const settings = connections[connection]
  if (kind === undefined || settings === undefined || ref === undefined) return undefined
  const meant = kindNamed(kind).refAt?.(settings, ref) ?? ref
  return meant === ref
    ? undefined
    : `"${source}" never allows anything: its ref is spelled in another way there: write "${describeOperation({ action, connection, path, ref: meant })}"`
}

type ConditionedGrant = Exclude<GrantEntry, string>

/** A grant with its conditions, or what is wrong with it. */
function readGrant(entry: GrantEntry, kinds: ReadonlyMap<string, string>): Grant | string {
  const text = grantTextOf(entry)
  const asked = /^(?<grant>.+?) requires (?<what>provenance .*)$/.exec(text)?.groups
  if (asked !== undefined)
    // As plain text YAML would read `{role: build}` as something else, and no problem in it would have a line.
    return `"${text}": what a grant requires is written as keys: { grant: "${asked['grant']}", ${(asked['what'] ?? '').replace(' ', ': ')} }`
  const grant = parseGrant(text, kinds)
  if (typeof grant === 'string' || typeof entry === 'string') return grant
  const { approval: mode, approvers, timeout, commit, artifact, provenance } = entry
  const timeoutSeconds = timeout === undefined ? operationWaitSeconds : durationSeconds(timeout)
  const approval = mode && { mode, timeoutSeconds, ...(approvers === undefined ? {} : { approvers }) }
  const conditions = {
    ...(approval === undefined ? {} : { approval }),
    ...(commit === undefined ? {} : { commit }),
    ...(artifact === undefined ? {} : { artifact }),
    ...(provenance === undefined ? {} : { provenance: demandsIn(provenance) }),
  }
  return { ...grant, conditions }
}

/** What a grant asks for, and nobody could tell whether it is so. */
function unaskable({ source, action, conditions }: Grant): string | undefined {
  if (conditions === undefined) return undefined
  // What is handed out is used without the gateway: there would be nothing to ask people about.
  if (isCredentialAction(action))
    return `"${source}" hands a credential to the step, which then does with it what it will: ask for approval of the role`
  if (conditions.commit !== undefined && actionNamed(action)?.brings !== 'commit')
    return `"${source}": ${action} brings no commit that the gateway knows, so it cannot ask for \`commit: own\``
  if (conditions.artifact !== undefined && actionNamed(action)?.brings !== 'artifact')
    return `"${source}": ${action} brings nothing that the gateway knows by its digest, so it cannot ask for \`artifact: run\``
  if (conditions.provenance !== undefined && actionNamed(action)?.brings !== 'artifact')
    return `"${source}": ${action} brings nothing that the gateway knows by its digest, so it cannot ask for \`provenance\``
  return undefined
}

function demandsIn({
  trusted_root: root,
  ...demands
}: NonNullable<ConditionedGrant['provenance']>): ProvenanceDemand {
  return { ...demandsOf(demands), ...(root === undefined ? {} : { trusted_root: root }) }
}

/** What a grant demands of attestations, and a stranger could meet, or nobody. */
function demandProblem(
  { roles, issuers: configured }: PolicyDocument,
  { source, conditions }: Grant,
  issuers: ReadonlyMap<string, IssuerFacts>,
): string | undefined {
  if (conditions?.provenance === undefined) return undefined
  const { trusted_root: root, ...demands } = conditions.provenance
  const unknown = [demands.role ?? []].flat().find((one) => !Object.hasOwn(roles, one))
  if (unknown !== undefined)
    return `"${source}" asks for provenance of role "${unknown}", which there is not; ${hint(unknown, Object.keys(roles))}`
  const own = root === undefined
  const isPrivate = (url: string) =>
    Object.entries(configured).some(
      ([name, issuer]) => issuer.url === url && issuers.get(name)?.pins.length === 0,
    )
  const [problem] = demandProblems(demands, { hasRun: own, own, isPrivate })
  return problem === undefined ? undefined : `"${source}": provenance: ${problem.message}`
}

export function draftPolicy(
  document: PolicyDocument,
  locate: Locate,
  issuers: ReadonlyMap<string, IssuerFacts>,
): PolicyDraft {
  const kinds = connectionKinds(document)
  const { limits, problems } = compileLimits(document.limits, kinds, locate)
  const complain = (path: readonly PropertyKey[], message: string) =>
    problems.push({ ...locate(path), message })
  const roles = Object.entries(document.roles).map(([name, config]) => {
    const grants = config.grants.flatMap((entry, index) => {
      const grant = readGrant(entry, kinds)
      const problem =
        typeof grant === 'string'
          ? grant
          : (unservedIn(document, grant) ??
            misspeltIn(document, grant) ??
            undeliveredIn(document, grant) ??
            unpermittedIn(document, grant) ??
            unaskable(grant) ??
            demandProblem(document, grant, issuers))
      if (problem !== undefined) complain(['roles', name, 'grants', index], problem)
      return typeof grant === 'string' ? [] : [{ ...grant, index }]
    })
    for (const connection of new Set(grants.map((grant) => grant.connection))) {
      const own = grants.filter((grant) => grant.connection === connection)
      const problem = unmintableIn(
        document,
        connection,
        own.map(({ source }) => source),
      )
      if (problem !== undefined)
        complain(
          ['roles', name, 'grants', own[0]?.index ?? 0],
          `role "${name}": no credential of connection "${connection}" can be made: ${problem}`,
        )
    }
    const draft = {
      name,
      trust: compileTrust(config.trust),
      ttlSeconds: durationSeconds(config.ttl),
      maxWaitSeconds:
        config.max_wait === undefined
          ? Math.min(defaultMaxWaitSeconds, limits.maxWaitSeconds)
          : durationSeconds(config.max_wait),
      graceSeconds: Math.min(durationSeconds(config.grace ?? '10s'), durationSeconds(config.ttl)),
      isolation: config.isolation,
      writes: grants.some(({ action }) => isWrite(action)),
      allow: config.allow,
      services: config.services,
      limits: limitsOf(config.limits),
      scan: compileScan(document.scan, config.scan),
      shadow: config.mode === 'shadow',
      shadowUntilMs: config.until === undefined ? undefined : endOfDayMs(config.until),
      approval: 'approval' in config && config.approval !== undefined,
      grants,
      egress: config.egress.map((entry, index) =>
        typeof entry === 'string'
          ? { source: withPort(entry), private: false, index }
          : { source: withPort(entry.host), private: true, index },
      ),
    }
    if (config.grace !== undefined && durationSeconds(config.grace) > draft.ttlSeconds)
      complain(['roles', name, 'grace'], `role "${name}": its grace is longer than its ttl (${config.ttl})`)
    for (const { key, message } of excessOf(draft, limits))
      complain(['roles', name, ...key], `role "${name}": ${message}`)
    return draft
  })
  return {
    roles,
    issuers,
    connections: [...kinds.keys()],
    registries: Object.entries(document.connections).flatMap(([name, { kind, only }]) =>
      kindNamed(kind).ecosystem === undefined ? [] : [{ name, kind, only }],
    ),
    egress: document.egress.map(withPort),
    limits,
    problems,
  }
}

/** As long as a job of GitHub's may last. */
const defaultMaxWaitSeconds = 6 * 3600

function limitsOf(config: RoleConfig['limits']): StepLimits {
  return {
    memoryBytes: sizeBytes(config.memory),
    processes: config.processes,
    cpus: config.cpus,
    diskBytes: sizeBytes(config.disk),
    openFiles: config.open_files,
    timeSeconds: config.time === undefined ? undefined : durationSeconds(config.time),
    outputBytes: sizeBytes(config.output),
  }
}

/** Each connection's kind, by its name. */
export function connectionKinds(document: Pick<PolicyDocument, 'connections'>): Map<string, string> {
  return new Map(Object.entries(document.connections).map(([name, { kind }]) => [name, kind]))
}

/** Of a day in UTC. */
function endOfDayMs(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + 86_400_000
}
