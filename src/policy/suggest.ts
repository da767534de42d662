import { kindOf } from '../kinds/index.ts'
import {
  demandOf,
  describeOperation,
  isCovered,
  isGrantText,
  isOfConnection,
  leastGrants,
  operationWaitSeconds,
  parseGrant,
  splitGrant,
  writtenGrant,
  type Conditions,
  type Grant,
} from './grant.ts'
import type { Past, PastOperations, PastSession } from './past.ts'
import { isUnreviewed } from './shadow.ts'

export interface Suggestion {
  readonly role: string
  readonly trust: Readonly<Record<string, string>>
  readonly ttl: string
  readonly grants: readonly string[]
  /** What the run was refused: not in the grants, since who asked for it may not have been the pipeline. */
  readonly refused: readonly string[]
}

/**
 * The least that each role of a run would have needed, by its record: this repository, this ref and event, what was
 * reached and nothing else. `pinsOf` tells the ids of which a rule of the issuer must fix one, `held` the grants that the role has now:
 * what they ask for is asked for still. `withRefused`: grants for what was refused, too, on connections that the role had already, so that
 * no credential is added; of a job that ran what nobody had reviewed none.
 */
export function suggestRoles(
  past: readonly Past[],
  run: string,
  pinsOf: (issuer: string) => readonly string[],
  held: (role: string) => readonly Grant[] = () => [],
  withRefused = false,
): Suggestion[] {
  const ofRun = past.filter((one) => one.run === run)
  const sessions = ofRun.filter((one) => one.kind === 'session' && one.allowed) as PastSession[]
  return [...new Set(sessions.flatMap(({ roles }) => roles))].flatMap((role) => {
    const session = sessions.find(({ roles }) => roles.includes(role))
    const asked = ofRun.filter((one) => one.kind === 'operations' && one.role === role) as PastOperations[]
    const allowed = asked.filter((one) => one.allowed)
    const denied = asked.filter((one) => !one.allowed).flatMap(({ operations }) => operations)
    const reached = new Set([
      ...held(role).map(({ connection }) => connection),
      ...allowed.flatMap(({ operations }) => operations.map(({ connection }) => connection)),
    ])
    const isTaken = ({ connection }: { readonly connection: string }) =>
      withRefused &&
      session !== undefined &&
      !isUnreviewed(session.subject.attributes) &&
      reached.has(connection)
    const taken = denied.filter(isTaken)
    const least = [
      ...new Set([
        ...grantsFor([...allowed.flatMap(({ operations }) => operations), ...taken]),
        ...wholeGrantsOf(allowed),
      ]),
    ]
    const approved = grantsOf(allowed.filter((one) => one.approved))
    const grants = least.map((source) => {
      const conditions = conditionsOf(source, held(role)) ?? (approved.includes(source) ? asking : undefined)
      return conditions === undefined ? source : writtenGrant({ source, conditions })
    })
    if (session === undefined || grants.length === 0) return []
    const refused = [...new Set(denied.filter((one) => !isTaken(one)).map(describeOperation))]
    return [
      {
        role,
        trust: trustOf(session, pinsOf(session.subject.issuer)),
        ttl: ttlOf(ofRun, role),
        grants,
        refused,
      },
    ]
  })
}

const asking: Conditions = { approval: { mode: 'always', timeoutSeconds: operationWaitSeconds } }

function grantsOf(asked: readonly PastOperations[]): string[] {
  return grantsFor(asked.flatMap(({ operations }) => operations))
}

function grantsFor(operations: PastOperations['operations']): string[] {
  return leastGrants(operations).filter((grant) => !grant.includes('*'))
}

/** Of what comes by the thousand, such as keys of a database, the log has the grant that let it in, and no name. */
function wholeGrantsOf(asked: readonly PastOperations[]): string[] {
  return asked
    .filter(({ operations }) =>
      operations.every(({ action, path }) => path === '' && !isOfConnection(action)),
    )
    .flatMap(({ operations, grants }) => {
      const kinds = operations.map(({ action }) => kindOf(action))
      return grants.filter((one) => isGrantText(one) && kinds.includes(kindOf(splitGrant(one)?.action ?? '')))
    })
}

/** What every grant that would allow it now asks for; of several the least. */
function conditionsOf(source: string, held: readonly Grant[]): Conditions | undefined {
  const { action = '', connection = '' } = splitGrant(source) ?? {}
  const grant = parseGrant(source, new Map([[connection, kindOf(action) ?? '']]))
  if (typeof grant === 'string') return undefined
  const allowing = held.filter((one) => isCovered(grant, [one]))
  return allowing.toSorted((one, other) => demandOf(one) - demandOf(other))[0]?.conditions
}

/** As YAML: the `roles` of a mayfly.yaml. */
export function suggestionYaml(suggestions: readonly Suggestion[]): string {
  const roles = suggestions.flatMap(({ role, trust, ttl, grants, refused }) => [
    `  ${role}:`,
    '    trust:',
    // A string in JSON is one in YAML, whatever the job put into it.
    ...Object.entries(trust).map(([claim, value]) => `      ${claim}: ${JSON.stringify(value)}`),
    `    ttl: ${ttl}`,
    '    isolation: namespace',
    '    grants:',
    ...grants.map((grant) => `      - ${grant}`),
    ...refused
      .slice(0, 20)
      .map((what) => `    # refused then, and not granted here: ${JSON.stringify(what)}`),
  ])
  return ['roles:', ...roles, ''].join('\n')
}

const told = ['ref', 'event', 'environment'] as const

function trustOf({ subject }: PastSession, pins: readonly string[]): Record<string, string> {
  const { issuer, attributes } = subject
  const ids = pins.length > 0 ? pins : ['repository_id', 'subject']
  const pin = ids.find((claim) => isPlain(attributes[claim]))
  const entries = [...(pin === undefined ? [] : [pin]), ...told].flatMap((claim) => {
    const value = attributes[claim]
    return isPlain(value) ? [[claim, value] as const] : []
  })
  const guards = [
    ...(attributes['ref_protected'] === 'true' ? [['ref_protected', 'true'] as const] : []),
    ...(attributes['fork'] === 'false' ? [['fork', 'false'] as const] : []),
  ]
  return { issuer, ...Object.fromEntries([...entries, ...guards]) }
}

// A star in a claim would be a pattern in the rule.
function isPlain(value: string | undefined): value is string {
  return value !== undefined && value !== '' && !value.includes('*')
}

const ttls = [
  [300, '5m'],
  [900, '15m'],
  [1_800, '30m'],
  [3_600, '1h'],
  [7_200, '2h'],
  [21_600, '6h'],
  [43_200, '12h'],
] as const

/** Twice as long as its steps took, rounded up. */
function ttlOf(past: readonly Past[], role: string): string {
  const timesMs = past
    .filter((one) => one.kind === 'step' && one.role === role)
    .map(({ time }) => Date.parse(time))
  const seconds = timesMs.length === 0 ? 0 : (Math.max(...timesMs) - Math.min(...timesMs)) / 1000
  return ttls.find(([most]) => most >= 2 * seconds)?.[1] ?? '24h'
}
