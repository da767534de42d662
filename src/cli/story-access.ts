import { kindNamed, kindOf } from '../kinds/index.ts'
import type { Data, Tellers } from './story-entry.ts'
import { oneLine, text } from './story-text.ts'

/** What steps were let to do and what was refused, as it is told. */
export const accessTellers: Tellers = {
  'access.granted': (data) => [`was granted ${operations(data['operations'])}${detail(data)}`],
  'access.denied': (data) => [
    `${data['unreached'] === undefined ? 'REFUSED' : 'NOT REACHED:'} ${text(data['what'])}: ${text(data['reason'])}`,
    ...countedLines(data['refusals']),
  ],
  'access.shadowed': (data) => [
    `was let to ${operations(data['operations'])} by shadow mode alone: no grant of its role allows it`,
  ],
  'egress.granted': (data) => [
    `was let to the ${data['private'] === true ? 'named private' : 'public'} host ${text(data['host'])}:${text(data['port'])}, by egress rule ${text(data['rule'])}${data['list'] === undefined ? '' : ` of ${text(data['list'])}`}`,
  ],
  'git.pushed': (data) =>
    ((data['refs'] ?? []) as Data[]).map(
      (one) =>
        `${one['result'] === 'ok' ? 'pushed' : 'did not push'} ${text(one['ref'])} of ${text(data['connection'])}/${text(one['repository'])} to ${text(one['newCommit']).slice(0, 8)}: ${text(one['result'])}`,
    ),
  'operations.done': (data) =>
    ((data['operations'] ?? []) as Data[]).map(
      (one) =>
        `did ${text(one['operation'])}: ${Object.entries((one['facts'] ?? {}) as Data)
          .map(([name, value]) => `${name} ${text(value)}`)
          .join(', ')}`,
    ),
  'connection.killed': (data) => [
    `${text(data['by'])} closed a connection to ${text(data['host'])} (${text(data['bytes_up'])} bytes up, ${text(data['bytes_down'])} down)`,
  ],
  'scan.found': (data) => scanLines(data),
  'honey.touched': ({ planted, how, host, path, address }) => {
    const of = (planted ?? {}) as Data
    const where = how === 'presented' ? `${text(path)} here, by ${text(address)}` : text(host)
    return [
      `PLANTED CREDENTIAL ${how === 'asked' ? 'FOLLOWED' : 'USED'}: ${text(of['place'])} of step "${text(of['name'])}" (run ${text(of['run'])}), ${how === 'asked' ? 'asking for' : 'at'} ${where}`,
    ]
  },
}

const scanOutcomes: Readonly<Record<string, string>> = {
  refused: 'REFUSED, SECRETS FOUND',
  approved: 'LET THROUGH BY APPROVAL, SECRETS FOUND',
  masked: 'MASKED, SECRETS FOUND',
}

/** What was found in what the step sent. */
function scanLines(data: Data): string[] {
  const { place, connection, what, outcome, approval, unseen } = data
  const secrets = (data['secrets'] ?? []) as Data[]
  const findings = (data['findings'] ?? []) as Data[]
  const isFound = secrets.length + findings.length > 0
  const how = scanOutcomes[text(outcome)] ?? (isFound ? 'PASSED, SECRETS FOUND' : 'passed')
  const where = `${text(place)} ${text(connection)} ${text(what)}`
  return [
    `${how}: ${where}${approval === undefined ? '' : ` (${text(approval)})`}`,
    ...secrets.map(
      (one) =>
        `  ${text(one['path'])}:${text(one['line'])}: ${one['certain'] === true ? '' : 'perhaps '}${
          one['secret'] === undefined
            ? `the credential of connection "${text(one['credentialOf'])}"`
            : `secret "${text(one['secret'])}", version ${text(one['version'])}`
        }`,
    ),
    ...findings.map(
      (one) =>
        `  ${text(one['path'])}:${text(one['line'])}: ${text(one['rule'])} (${text(one['confidence'])}) ${text(one['fingerprint'])}`,
    ),
    ...(unseen === undefined ? [] : [`  ${text(unseen)} parts could not be looked at`]),
  ]
}

/** The different ones among refusals that the log only counts. */
function countedLines(refusals: unknown): string[] {
  if (!Array.isArray(refusals)) return []
  return (refusals as Record<string, unknown>[]).map(
    ({ what, reason, count }) => `${text(count)} times ${text(what)}: ${text(reason)}`,
  )
}

/** As grants write them. Whatever reads policies is not loaded for it: `mayfly run` tells entries, too. */
function operations(value: unknown): string {
  const all = (Array.isArray(value) ? value : []) as Data[]
  return all
    .map(({ action, connection, path, ref }) => {
      const kind = kindOf(text(action))
      const mark = (kind === undefined ? undefined : kindNamed(kind).refMark) ?? '@'
      const named = path === undefined || path === '' ? '' : `/${text(path)}`
      return `${text(action)} ${text(connection)}${named}${ref === undefined ? '' : `${mark}${text(ref)}`}`
    })
    .join(', ')
}

function detail(data: Data): string {
  const git = data['git'] as
    | {
        phase?: string
        wants?: string[]
        wantCount?: number
        updates?: { ref: string; oldCommit: string; newCommit: string; change?: string }[]
      }
    | undefined
  const lockfile = data['lockfile'] as { packages: number } | undefined
  if (lockfile !== undefined) return `: what its lockfile pins (${lockfile.packages} packages)`
  const npm = data['npm'] as { purl?: string; integrity: string } | undefined
  if (npm?.purl !== undefined) return `: ${npm.purl}, ${npm.integrity.slice(0, 23)}…`
  if (git?.updates !== undefined && git.updates.length > 0) {
    return `: ${git.updates.map((one) => `${one.change === undefined ? '' : `${one.change} `}${one.ref} ${one.oldCommit.slice(0, 8)}→${one.newCommit.slice(0, 8)}`).join(', ')}`
  }
  if (git?.wantCount !== undefined && git.wantCount > 0)
    return `: ${git.phase} of ${git.wants?.[0]?.slice(0, 12)}${git.wantCount > 1 ? ` and ${git.wantCount - 1} more` : ''}`
  if (git?.phase !== undefined) return ` (${git.phase})`
  const { statement } = data
  return typeof statement === 'string' ? `: ${oneLine(statement)}` : ''
}
