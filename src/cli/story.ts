import { factsOf, type Facts } from '../audit/facts/index.ts'
import { kindNamed, kindOf } from '../kinds/index.ts'
import { escapeUnseen } from '../lib/index.ts'
import { nameOf } from './story-name.ts'
import { attestTellers } from './story-attest.ts'
import { peopleTellers } from './story-people.ts'
import { secretTellers } from './story-secrets.ts'
import { list, oneLine, text } from './story-text.ts'
import { trustTellers } from './story-trust.ts'

/** An entry of the audit log, as it is told. */
export interface LogEntry {
  readonly index: number
  readonly id: string
  readonly time: string
  readonly type: string
  readonly subject: string
  readonly run?: string
  readonly data: Readonly<Record<string, unknown>>
}

type Data = Readonly<Record<string, unknown>>

/**
 * One entry in lines that read as a story. `among`: those of one run, or of many, where each line says of which it is, and what
 * was refused says for whom. What the log holds is others' text: control characters are shown, not obeyed.
 */
export function tellEntry(entry: LogEntry, among: 'run' | 'many' = 'run'): string[] {
  const [first = '', ...rest] = [...tell(entry), ...(among === 'many' ? forWhom(entry) : [])]
  const run = among === 'many' ? `${entry.run ?? '-'.padEnd(runWidth)}  ` : ''
  const margin = `${String(entry.index).padStart(5)}  ${whenOf(entry.time)}  ${run}`
  return [`${margin}${first}`, ...rest.map((line) => `${' '.repeat(margin.length)}${line}`)].map(visible)
}

/** The width of a run's id. */
const runWidth = 28

/** `2026-11-28 02:00:00.000Z`: entries have UTC, to the millisecond. */
/** The different ones among refusals that the log only counts. */
function countedLines(refusals: unknown): string[] {
  if (!Array.isArray(refusals)) return []
  return (refusals as Record<string, unknown>[]).map(
    ({ what, reason, count }) => `${text(count)} times ${text(what)}: ${text(reason)}`,
  )
}

function whenOf(time: string): string {
  return time === '' ? '?' : time.replace('T', ' ')
}

/** Of an entry that is read by itself: for which job something was refused. */
function forWhom({ type, data }: LogEntry): string[] {
  const { job } = factsOf({ type, subject: '', data })
  const isRefusal = type === 'access.denied' || type === 'access.shadowed' || type === 'egress.granted'
  return isRefusal && job.repository !== undefined ? [`for ${jobText(job)}`] : []
}

/** Who, in which repository, at which ref and commit. */
function jobText({ repository, ref, commit, actor, subject }: Facts['job']): string {
  const place = repository ?? subject ?? 'an unnamed job'
  const at = ref === undefined ? '' : ` at ${ref}`
  const which = commit === undefined ? '' : ` (${commit.slice(0, 12)})`
  const who = actor?.name ?? actor?.person
  return `${place}${at}${which}${who === undefined ? '' : `, triggered by ${who}`}`
}

/** One entry whose data is not what its type holds must not keep the others from being told. */
function tell(entry: LogEntry): string[] {
  try {
    return (tellers[entry.type] ?? tellOther)(entry.data, entry)
  } catch {
    return tellOther(entry.data, entry)
  }
}

const tellers: Readonly<Record<string, (data: Data, entry: LogEntry) => string[]>> = {
  ...peopleTellers,
  ...attestTellers,
  ...secretTellers,
  ...trustTellers,
  'run.started': (data) => [`a run of ${text(data['pipeline'])} began`],
  'run.finished': () => [
    'all of its sessions and steps were over then; a later job of the same run goes on from here',
  ],
  'entries.lost': (data) => [
    `entries ${list(data['numbers'])} of this run may be missing: the log could not be written to, and what they would have allowed was refused`,
  ],
  'rollback.accepted': (data) => [
    `an older copy of the log was accepted: it had ${text(data['size'])} entries, and entry ${text(data['index'])} had been confirmed`,
  ],
  'store.restored': ({ from: first, size, sessions, compromised }) => [
    `the store was an older copy: it did not know entries ${text(first)} to ${Number(size) - 1}; ${text(sessions)} sessions were ended`,
    ...(Array.isArray(compromised) ? [`compromised by the log: ${compromised.map(text).join(', ')}`] : []),
  ],
  'server.started': (data) => [`the server started (version ${text(data['version'])})`],
  'session.issued': (data) => {
    const { repository, ref, commit, event, workflow, environment, subject } = data['identity'] as Record<
      string,
      string | undefined
    >
    const { login, id } = (data['actor'] ?? {}) as Record<string, unknown>
    const who = nameOf(login ?? id)
    if (repository === undefined && who === undefined && subject !== undefined)
      return [
        `${subject} opened a session, proven by ${text(data['issuer'])} (${text(data['issuerUrl'])})`,
        `and may act as ${list(data['roles'])} until ${text(data['expires'])}`,
      ]
    return [
      `${who ?? subject ?? 'somebody'} triggered ${event ?? 'a job'} in ${repository ?? subject ?? '?'}${ref === undefined ? '' : ` at ${ref}`}${commit === undefined ? '' : ` (${commit.slice(0, 12)})`}`,
      `by ${workflow ?? 'an unnamed workflow'}${environment === undefined ? '' : `, environment ${environment}`}, proven by ${text(data['issuer'])} (${text(data['issuerUrl'])})`,
      `and may act as ${list(data['roles'])} until ${text(data['expires'])}`,
    ]
  },
  'session.refused': (data, entry) => {
    const { job } = factsOf(entry)
    const { role, reason, detail, request } = data
    const known = job.repository ?? job.subject
    const who = known === undefined ? 'somebody whose token was not believed' : jobText(job)
    const wanted = role === undefined ? '' : ` the role "${text(role)}"`
    return [
      `REFUSED a session${wanted}: ${text(reason)}${detail === undefined ? '' : `: ${text(detail)}`} (${text(request)})`,
      `to ${who}`,
      ...mismatches(data['mismatches']),
    ]
  },
  'session.ended': (data) => [`the session ended: ${text(data['reason'])}`],
  'session.revoked': (data) => [`${text(data['by'])} revoked ${text(data['sessions'])} sessions`],
  'step.started': (data) => {
    const { isolation, isolationBy, isolationLacks, command, workspace } = (data['reported'] ?? {}) as Record<
      string,
      unknown
    >
    return [
      `step "${text(data['name'])}" began as ${text(data['role'])}, isolation ${text(isolation)}${isolationBy === undefined ? '' : ` by ${text(isolationBy)}`}${isolationLacks === undefined ? '' : ` (without ${list(isolationLacks)})`}${placeText(workspace)}: ${oneLine(command)}`,
      `it could reach: ${list(data['grants'])}${(data['egress'] as unknown[] | undefined)?.length ? `; egress ${list(data['egress'])}` : ''}`,
    ]
  },
  'step.refused': (data) => [
    `REFUSED step "${text(data['name'])}" as ${text(data['role'])}: ${text(data['reason'])}: ${text(data['detail'])} (${text(data['request'])})`,
  ],
  'step.finished': (data) => [
    `step "${text(data['name'])}" ended: ${text(data['reason'])}${exitOf(data)}`,
    ...filesText('it took', reportedOf(data)['inputs']),
    ...filesText('it handed on', reportedOf(data)['artifacts']),
    ...counted('it was granted', data['granted']),
    ...counted('it was refused', data['denied']),
    ...usedText(data),
  ],
  'lease.issued': (data) => [
    `a lease on ${text(data['connection'])} was issued (${text(data['kind'])}${data['secret'] === undefined ? '' : `, secret "${text(data['secret'])}" stays in the vault`}), by grant ${text(data['grant'])}`,
  ],
  'lease.revoked': (data) => [
    `the lease on ${text(data['connection'])} was revoked: ${text(data['reason'])}${data['proof'] === undefined ? '' : ` (${text(data['proof'])})`}`,
  ],
  'lease.renewed': (data) => [
    `the lease on ${text(data['connection'])} was renewed until ${text(data['expires'])}`,
  ],
  'lease.unrevoked': (data) => [
    `NOT REVOKED: the lease on ${text(data['connection'])} (${text(data['kind'])}), tried ${text(data['attempts'])} times since ${text(data['since'])}: ${text(data['failure'])}`,
  ],
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
  'packages.downloaded': (data) => downloaded(data),
  'packages.published': (data) =>
    ((data['packages'] ?? []) as Data[]).map(
      (one) =>
        `${one['staged'] === undefined ? 'PUBLISHED' : 'STAGED'} ${text(one['purl'])}${one['tag'] === undefined ? '' : ` as ${text(one['tag'])}`} to ${text(data['connection'])}, which took it (${text(one['status'])}), ${text(one['integrity']).slice(0, 23)}…`,
    ),
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
  'package.changed': (data) => [
    `PACKAGE CHANGED: ${text(data['purl'])} of ${text(data['registry'])} was ${digestIn(data['was'])} and is now ${digestIn(data['now'])}; nobody gets it`,
  ],
  'provenance.downgraded': (data) => [
    `PROVENANCE DOWNGRADED: ${text(data['purl'])} of ${text(data['registry'])} (${text(data['why'])})${repositoryIn(' was of', data['was'])}${repositoryIn(' is of', data['now'])}; it was not given`,
  ],
  'sumdb.contradicted': (data) => [
    `CHECKSUM DATABASE ${text(data['database'])} CONTRADICTS ITSELF, as connection ${text(data['connection'])} has it: it signed two trees (${sizeIn(data['was'])} and ${sizeIn(data['now'])} records) of which neither is a beginning of the other`,
  ],
  'lockfile.pinned': (data) => [
    `its lockfile pins ${text(data['packages'])} packages (SHA-256 ${text(data['sha256']).slice(0, 16)}…)`,
  ],
  'person.erased': (data, { subject }) => [
    `${text(data['by'])} had the names of ${subject} erased: they cannot be read any more`,
  ],
  'logs.removed': (data) => [
    `${text(data['by'])} removed what is kept of the logs of run ${text(data['of'])} (${text(data['removed'])} steps)`,
  ],
  'timestamp.announced': (data, { subject }) => [
    `${subject} has the next certificate for timestamps ready (SHA-256 ${text(data['certificate']).slice(0, 16)}…), which signs nothing yet`,
  ],
  'timestamp.rotated': (data, { subject }) => [
    `${subject} signs timestamps by another certificate (SHA-256 ${text(data['certificate']).slice(0, 16)}…): the key of the one before was deleted`,
  ],
  'quorum.lost': (data) => [`THE WITNESSES ARE NO QUORUM: ${list(data['missing'])} do not cosign`],
  'quorum.restored': () => ['the witnesses are a quorum again'],
  'history.refused': (data) => [`WITNESS ${text(data['witness'])} REFUSED THIS LOG: ${text(data['reason'])}`],
  'history.contradicted': (data) => [
    `FORK: witness ${text(data['witness'])} has a checkpoint of this log that contradicts it: ${text(data['reason'])}`,
  ],
  'policy.applied': (data) => [
    `${text(data['by'])} applied version ${text(data['version'])} of the policy, ${text(data['changeCount'])} changes`,
  ],
  'honey.touched': ({ planted, how, host, path, address }) => {
    const of = (planted ?? {}) as Readonly<Record<string, unknown>>
    const where = how === 'presented' ? `${text(path)} here, by ${text(address)}` : text(host)
    return [
      `PLANTED CREDENTIAL ${how === 'asked' ? 'FOLLOWED' : 'USED'}: ${text(of['place'])} of step "${text(of['name'])}" (run ${text(of['run'])}), ${how === 'asked' ? 'asking for' : 'at'} ${where}`,
    ]
  },
  'token.recovered': (data) => [
    `${text(data['by'])} made the operator token "${text(data['name'])}" on the server’s machine (mayfly token recover)`,
  ],
  'token.created': (data) => [
    `${text(data['by'])} made the API token "${text(data['name'])}" (${list(data['scopes'])})`,
  ],
  'connection.killed': (data) => [
    `${text(data['by'])} closed a connection to ${text(data['host'])} (${text(data['bytes_up'])} bytes up, ${text(data['bytes_down'])} down)`,
  ],
  'token.revoked': (data) => [`${text(data['by'])} revoked API token ${text(data['id'])}`],
}

/** Which claims did not match: of people, what was expected is not in the log. */
function mismatches(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return (value as { claim?: unknown; expected?: unknown; got?: unknown }[]).map(
    ({ claim, expected, got }) => {
      const wanted = Array.isArray(expected) && expected.length === 0 ? 'somebody else' : listOf(expected)
      return `${text(claim)}: expected ${wanted}, got ${got === null ? 'nothing' : text(got)}`
    },
  )
}

function listOf(value: unknown): string {
  return Array.isArray(value) ? list(value) : text(value)
}

function reportedOf(data: Data): Data {
  return (data['reported'] ?? {}) as Data
}

function placeText(workspace: unknown): string {
  const { kind } = (workspace ?? {}) as Data
  if (kind === 'fresh') return ', in a workspace of its own'
  return kind === 'shared' ? ', in a workspace that others had written to' : ''
}

const shownFiles = 5

/** The first files by name, and how many there are. */
function filesText(what: string, value: unknown): string[] {
  const { files, count, sha256 } = (value ?? {}) as Data
  if (!Array.isArray(files) || files.length === 0) return []
  const shown = (files as Data[])
    .slice(0, shownFiles)
    .map((file) => `${text(file['path'])} (SHA-256 ${text(file['sha256']).slice(0, 16)}…)`)
  const more = Number(count) - shown.length
  const rest = more > 0 ? ` and ${more} more, SHA-256 of the list ${text(sha256).slice(0, 16)}…` : ''
  return [`${what}: ${shown.join(', ')}${rest}`]
}

function exitOf(data: Data): string {
  const { exitCode } = reportedOf(data)
  return exitCode === undefined ? '' : `, exit ${text(exitCode)}`
}

function programsText(value: unknown): string[] {
  const { seen, more } = (value ?? {}) as Record<string, unknown>
  if (!Array.isArray(seen) || seen.length === 0) return []
  const names = (seen as Record<string, unknown>[]).slice(0, 8).map(({ program }) => text(program))
  const rest = seen.length - names.length + Number(more ?? 0)
  return [`seen running: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`]
}

function eachOf(value: unknown, say: (one: Record<string, unknown>) => string): string[] {
  return Array.isArray(value) ? (value as Record<string, unknown>[]).map(say) : []
}

/** What the runner says that it used, and left outside its workspace. */
function usedText(data: Data): string[] {
  const reported = (data['reported'] ?? {}) as Record<string, unknown>
  const { resources, left_in_memory: left, duration_ms: ms, limit } = reported
  const used = (resources ?? {}) as Record<string, unknown>
  const parts = [
    ...(typeof ms === 'number' ? [`${ms / 1000} s`] : []),
    ...(typeof used['user_ms'] === 'number'
      ? [`processor ${used['user_ms'] / 1000} s and ${Number(used['system_ms'] ?? 0) / 1000} s in the kernel`]
      : []),
    ...(typeof used['peak_memory_bytes'] === 'number'
      ? [
          `memory up to ${Math.ceil(used['peak_memory_bytes'] / 2 ** 20)} MiB${used['peak_of'] === 'process' ? ' in one process' : ''}`,
        ]
      : []),
  ]
  const folders = Array.isArray(left) ? (left as Record<string, unknown>[]) : []
  return [
    ...(limit === undefined ? [] : [`it was ended by its limit: ${text(limit)}`]),
    ...(parts.length === 0 ? [] : [`it took ${parts.join(', ')}`]),
    ...eachOf(
      reported['services'],
      (one) => `it connected to port ${text(one['port'])} of the job ${text(one['connections'])} times`,
    ),
    ...eachOf(
      reported['secrets_seen'],
      (one) => `SECRET ${text(one['name'])} was masked ${text(one['count'])} times in what it showed`,
    ),
    ...programsText(reported['programs']),
    ...folders.map(
      (one) => `it left ${text(one['files'])} files in ${text(one['folder'])}: ${list(one['names'])}`,
    ),
  ]
}

function tellOther(data: Data, entry: LogEntry): string[] {
  return [`${entry.type} ${JSON.stringify(data)}`]
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

function repositoryIn(lead: string, value: unknown): string {
  return value === undefined ? '' : `,${lead} ${text((value as Data)['repository'])}`
}

function sizeIn(value: unknown): string {
  return text((value as Data)['size'])
}

function digestIn(value: unknown): string {
  return `${text((value as Data)['digest']).slice(0, 23)}…`
}

/** The first of them by name: an entry may have hundreds, and `--json` shows them all. */
function downloaded(data: Data): string[] {
  const files = (data['packages'] ?? []) as { purl: string; by: string }[]
  const named = files.slice(0, 3).map(({ purl }) => purl)
  const more = files.length > 3 ? ` and ${files.length - 3} more` : ''
  const by = [...new Set(files.map((one) => one.by))].join(', ')
  return [`downloaded ${named.join(', ')}${more} from ${text(data['connection'])}, digests held by ${by}`]
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

function counted(title: string, value: unknown): string[] {
  const all = (value ?? []) as { what: string; count: number; reason?: string }[]
  const shown = all
    .slice(0, 8)
    .map(
      ({ what, count, reason }) =>
        `${title} ${what}${count > 1 ? ` (${count} times)` : ''}${reason === undefined ? '' : `: ${reason.split(';')[0]}`}`,
    )
  return all.length > 8 ? [...shown, `${title} ${all.length - 8} more`] : shown
}

// A step names its own command and asks for its own hosts; an escape sequence in them must not move the cursor.
export function visible(line: string): string {
  return escapeUnseen(line)
}
