import { describeOperation, leastGrants } from './grant.ts'
import type { Past, PastOperations, PastSession } from './past.ts'

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
 * reached and nothing else. `pinsOf` tells the ids of which a rule of the issuer must fix one.
 */
export function suggestRoles(
  past: readonly Past[],
  run: string,
  pinsOf: (issuer: string) => readonly string[],
): Suggestion[] {
  const ofRun = past.filter((one) => one.run === run)
  const sessions = ofRun.filter((one) => one.kind === 'session' && one.allowed) as PastSession[]
  return [...new Set(sessions.flatMap(({ roles }) => roles))].flatMap((role) => {
    const session = sessions.find(({ roles }) => roles.includes(role))
    const asked = ofRun.filter((one) => one.kind === 'operations' && one.role === role) as PastOperations[]
    const done = asked.filter(({ allowed }) => allowed).flatMap(({ operations }) => operations)
    const grants = leastGrants(done).filter((grant) => !grant.includes('*'))
    if (session === undefined || grants.length === 0) return []
    const denied = asked.filter(({ allowed }) => !allowed).flatMap(({ operations }) => operations)
    const refused = [...new Set(denied.map(describeOperation))]
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
