import { factsOf, type Facts } from '../audit/facts/index.ts'
import type { Tellers } from './story-entry.ts'
import { nameOf } from './story-name.ts'
import { list, text } from './story-text.ts'

/** CI jobs, what they may act as, and their leases, as it is told. */
export const sessionTellers: Tellers = {
  'run.started': (data) => [`a run of ${text(data['pipeline'])} began`],
  'run.finished': () => [
    'all of its sessions and steps were over then; a later job of the same run goes on from here',
  ],
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
}

/** Who, in which repository, at which ref and commit. */
export function jobText({ repository, ref, commit, actor, subject }: Facts['job']): string {
  const place = repository ?? subject ?? 'an unnamed job'
  const at = ref === undefined ? '' : ` at ${ref}`
  const which = commit === undefined ? '' : ` (${commit.slice(0, 12)})`
  const who = actor?.name ?? actor?.person
  return `${place}${at}${which}${who === undefined ? '' : `, triggered by ${who}`}`
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
