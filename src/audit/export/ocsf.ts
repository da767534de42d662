import { factsOf, type Facts, type Who } from '../facts/index.ts'
import type { Entry } from '../verify/index.ts'
import { classOf, isFinding } from './ocsf-classes.ts'

type Fields = Readonly<Record<string, unknown>>

const product = { name: 'Mayfly', vendor_name: 'Mayfly', uid: 'mayfly' }
const service = { name: 'Mayfly', uid: 'mayfly' }
const failures: ReadonlySet<string> = new Set(['denied', 'refused', 'failed', 'lost'])

/**
 * The entry as an event of the Open Cybersecurity Schema Framework 1.8 (`type_uid` is `class_uid * 100 + activity_id`).
 * Who: `actor.user` (`user` in the identity classes). For which repository: `actor.app_name` and `app_uid`. From which run and
 * step: `src_endpoint`. What: `resources`, `privileges`. Where to: `dst_endpoint`. Commit, ref, roles: `metadata.labels`.
 * The whole entry stands in `unmapped`, too, so that nothing is lost on the way.
 */
export function toOcsf(entry: Entry, index: number): Record<string, unknown> {
  const facts = factsOf(entry)
  const kind = classOf(entry.type, failures.has(facts.outcome))
  const timeMs = Date.parse(entry.time)
  return {
    class_uid: kind.classUid,
    category_uid: kind.categoryUid,
    activity_id: kind.activityId,
    ...(kind.activityId === 99 ? { activity_name: entry.type } : {}),
    type_uid: kind.classUid * 100 + kind.activityId,
    severity_id: kind.severityId,
    ...(isFinding(kind) ? {} : { status_id: kind.statusId }),
    ...(facts.reason === undefined ? {} : { status_detail: facts.reason }),
    time: Number.isNaN(timeMs) ? 0 : timeMs,
    ...countOf(entry, facts),
    message: messageOf(entry, facts),
    metadata: metadataOf(entry, index, facts),
    ...(fieldsOf[kind.classUid] ?? apiFields)(entry, facts),
    unmapped: {
      subject: entry.subject,
      ...(entry.run === undefined ? {} : { run: entry.run }),
      ...entry.data,
    },
  }
}

/** Of an entry that stands for several. */
function countOf({ data }: Entry, { count }: Facts): Fields {
  if (count === 1) return {}
  const [first, last] = [data['first'], data['last']].map((time) => Date.parse(String(time)))
  return {
    count,
    ...(Number.isFinite(first) ? { start_time: first } : {}),
    ...(Number.isFinite(last) ? { end_time: last } : {}),
  }
}

function messageOf({ type }: Entry, { job, by, operations, host, reason }: Facts): string {
  const what = operations.map(nameOf).join(', ') || host
  const who = textOf(by) ?? textOf(job.actor)
  return [
    type,
    ...(who === undefined ? [] : [`by ${who}`]),
    ...(job.repository === undefined ? [] : [`in ${job.repository}`]),
    ...(what === undefined ? [] : [`on ${what.slice(0, 300)}`]),
    ...(reason === undefined ? [] : [`(${reason.slice(0, 300)})`]),
  ].join(' ')
}

function metadataOf(entry: Entry, index: number, { job, roles, request }: Facts): Fields {
  const labels = [
    ...labelled('repository', job.repository),
    ...labelled('repository_id', job.repositoryId),
    ...labelled('ref', job.ref),
    ...labelled('commit', job.commit),
    ...roles.flatMap((role) => labelled('role', role)),
    ...labelled('request', request),
  ]
  return {
    version: '1.8.0',
    product,
    uid: entry.id,
    event_code: entry.type,
    sequence: index,
    original_time: entry.time,
    log_name: entry.source,
    ...(entry.run === undefined ? {} : { correlation_uid: entry.run }),
    ...(labels.length === 0 ? {} : { labels }),
  }
}

function labelled(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${name}:${value}`]
}

/** By `class_uid`: what that class asks for beside what every event has. */
const fieldsOf: Readonly<Record<number, (entry: Entry, facts: Facts) => Fields>> = {
  1007: (entry, facts) => ({
    actor: actorOf(facts),
    device: { type_id: 0, name: entry.run ?? 'runner' },
    process: processOf(entry),
    ...exitCodeOf(entry),
  }),
  2004: ({ id, type, subject }, facts) => ({
    finding_info: { uid: id, title: `${type}: ${subject}` },
    actor: actorOf(facts),
  }),
  3002: (entry, facts) => ({
    actor: actorOf(facts),
    user: userOf(facts),
    ...sessionOf(entry, facts),
    service,
    auth_protocol_id: 6,
    is_remote: true,
    ...sourceOf(entry, facts),
  }),
  3003: (entry, facts) => ({
    actor: actorOf(facts),
    user: userOf(facts),
    privileges: privilegesOf(entry, facts),
    ...sessionOf(entry, facts),
    ...sourceOf(entry, facts),
    ...destinationOf(facts),
  }),
  6002: (entry, facts) => ({
    actor: actorOf(facts),
    app: entry.run === undefined ? product : { name: nameOfRun(entry, facts), uid: entry.run },
  }),
  6003: apiFields,
}

function apiFields(entry: Entry, facts: Facts): Fields {
  const resources = resourcesOf(facts)
  return {
    actor: actorOf(facts),
    api: { operation: entry.type, service },
    src_endpoint: { name: 'mayfly', uid: entry.source },
    ...sourceOf(entry, facts),
    ...destinationOf(facts),
    ...(resources.length === 0 ? {} : { resources }),
  }
}

/** The operator who acted, else the person who triggered the job; the repository is the application that they acted by. */
function actorOf({ by, job, session, token }: Facts): Fields {
  const user = by ?? job.actor
  const credential = by === undefined ? undefined : token
  return {
    ...(user === undefined && job.subject === undefined
      ? {}
      : { user: asUser(user, job.subject, credential) }),
    ...(session === undefined ? {} : { session: { uid: session } }),
    app_name: job.repository ?? 'Mayfly',
    ...(job.repositoryId === undefined ? {} : { app_uid: job.repositoryId }),
  }
}

/** Who signed in or was given something: a person, or the job itself. */
function userOf(facts: Facts): Fields {
  const { by, job } = facts
  if (by !== undefined) return asUser(by, undefined, facts.token)
  return asUser(job.actor, job.subject ?? job.repository)
}

function asUser(who: Who | undefined, job: string | undefined, credential?: string): Fields {
  const name = textOf(who) ?? job ?? 'unknown'
  return {
    name,
    ...(who?.person === undefined ? {} : { uid: who.person }),
    // 1 user, 4 service: an API token is a program's, a job without a person is one.
    type_id: who?.person === undefined ? 4 : 1,
    ...(credential === undefined ? {} : { credential_uid: credential }),
  }
}

function textOf(who: Who | undefined): string | undefined {
  return who?.name ?? who?.person
}

function sessionOf({ data }: Entry, { session, job }: Facts): Fields {
  const { issuerUrl } = data
  if (session === undefined) return {}
  const issuer = typeof issuerUrl === 'string' && issuerUrl !== '' ? issuerUrl : job.issuer
  return { session: { uid: session, ...(issuer === undefined ? {} : { issuer }) } }
}

/** Where it came from: the step in its run, or the run. */
function sourceOf({ run }: Entry, { step, job }: Facts): Fields {
  const name = run ?? job.repository
  if (name === undefined) return {}
  return {
    src_endpoint: {
      name,
      ...(step === undefined ? {} : { uid: step }),
      ...(job.issuer === undefined ? {} : { svc_name: job.issuer }),
    },
  }
}

function destinationOf({ host, port, connections: [connection] }: Facts): Fields {
  if (host === undefined && connection === undefined) return {}
  return {
    dst_endpoint: {
      name: connection ?? host,
      ...(host === undefined ? {} : { hostname: host }),
      ...(port === undefined ? {} : { port }),
      ...(connection === undefined ? {} : { svc_name: connection }),
    },
  }
}

const maxResources = 50

function resourcesOf({ operations, packages, secret, lease }: Facts): Fields[] {
  return [
    ...operations.slice(0, maxResources).map((one) => ({
      name: nameOf(one),
      type: one.action,
      namespace: one.connection,
    })),
    ...packages.slice(0, maxResources).map((one) => ({ ...one, type: 'package' })),
    ...(secret === undefined ? [] : [{ name: secret, type: 'secret' }]),
    ...(lease === undefined ? [] : [{ uid: lease, name: lease, type: 'lease' }]),
  ]
}

function privilegesOf({ data, type }: Entry, { roles, connections }: Facts): string[] {
  const { grant } = data
  if (typeof grant === 'string' && grant !== '') return [grant]
  const named = type.startsWith('approval.') ? roles : connections
  return named.length === 0 ? ['none'] : [...named]
}

function processOf({ subject, data }: Entry): Fields {
  const { name } = data
  const { command } = reportedIn(data)
  return {
    uid: subject,
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof command === 'string' ? { cmd_line: command } : {}),
  }
}

function exitCodeOf({ data }: Entry): Fields {
  const { exitCode } = reportedIn(data)
  return Number.isSafeInteger(exitCode) ? { exit_code: exitCode } : {}
}

function reportedIn({ reported }: Entry['data']): Fields {
  return typeof reported === 'object' && reported !== null ? (reported as Fields) : {}
}

function nameOfRun({ data }: Entry, { job }: Facts): string {
  const { pipeline } = data
  return typeof pipeline === 'string' && pipeline !== '' ? pipeline : (job.repository ?? 'run')
}

function nameOf({ action, connection, path, ref }: Facts['operations'][number]): string {
  return `${action} ${connection}/${path}${ref === undefined ? '' : `@${ref}`}`
}
