import type { Entry } from '../verify/index.ts'

type Fields = Readonly<Record<string, unknown>>
type Data = Readonly<Record<string, unknown>>

/** One class of OCSF, and how an entry becomes one of its events. */
interface Projection {
  classUid: number
  categoryUid: number
  activityId: number
  /** 1 informational, 2 low, 3 medium, 4 high, 5 critical. */
  severityId?: number
  failed?: boolean
  fields: (data: Data, entry: Entry) => Fields
}

const authentication = { classUid: 3002, categoryUid: 3 }
const authorizeSession = { classUid: 3003, categoryUid: 3 }
const apiActivity = { classUid: 6003, categoryUid: 6 }
const processActivity = { classUid: 1007, categoryUid: 1 }
const applicationLifecycle = { classUid: 6002, categoryUid: 6 }
const detectionFinding = { classUid: 2004, categoryUid: 2 }

const service = { name: 'Mayfly', uid: 'mayfly' }
const product = { name: 'Mayfly', vendor_name: 'Mayfly', uid: 'mayfly' }

const projections: Readonly<Record<string, Projection>> = {
  'session.issued': { ...authentication, activityId: 1, fields: withIdentity },
  'session.refused': { ...authentication, activityId: 1, severityId: 2, failed: true, fields: withIdentity },
  'session.ended': { ...authentication, activityId: 2, fields: withIdentity },
  'lease.issued': { ...authorizeSession, activityId: 1, fields: withPrivileges },
  'lease.revoked': { ...authorizeSession, activityId: 99, fields: withPrivileges },
  'access.granted': { ...apiActivity, activityId: 2, fields: withApi },
  'access.denied': { ...apiActivity, activityId: 99, severityId: 2, failed: true, fields: withApi },
  'egress.granted': { ...apiActivity, activityId: 2, fields: withApi },
  'step.started': { ...processActivity, activityId: 1, fields: withProcess },
  'step.finished': { ...processActivity, activityId: 2, fields: withProcess },
  'run.started': { ...applicationLifecycle, activityId: 3, fields: withApp },
  'run.finished': { ...applicationLifecycle, activityId: 4, fields: withApp },
  'server.started': { ...applicationLifecycle, activityId: 3, fields: () => ({ app: product }) },
  'history.contradicted': { ...detectionFinding, activityId: 1, severityId: 5, fields: withFinding },
  'history.refused': { ...detectionFinding, activityId: 1, severityId: 4, fields: withFinding },
  'quorum.lost': { ...detectionFinding, activityId: 1, severityId: 3, fields: withFinding },
}

const otherwise: Projection = { ...apiActivity, activityId: 99, fields: withApi }

/**
 * The entry as an event of the Open Cybersecurity Schema Framework 1.8 (`type_uid` is `class_uid * 100 + activity_id`).
 * What OCSF has no attribute for stands in `unmapped`, so that nothing is lost on the way.
 */
export function toOcsf(entry: Entry, index: number): Record<string, unknown> {
  const {
    classUid,
    categoryUid,
    activityId,
    severityId = 1,
    failed = false,
    fields,
  } = projections[entry.type] ?? otherwise
  const timeMs = Date.parse(entry.time)
  return {
    class_uid: classUid,
    category_uid: categoryUid,
    activity_id: activityId,
    ...(activityId === 99 ? { activity_name: entry.type } : {}),
    type_uid: classUid * 100 + activityId,
    severity_id: severityId,
    ...(classUid === detectionFinding.classUid ? {} : { status_id: failed ? 2 : 1 }),
    time: Number.isNaN(timeMs) ? 0 : timeMs,
    message: entry.type,
    metadata: {
      version: '1.8.0',
      product,
      uid: entry.id,
      event_code: entry.type,
      sequence: index,
      original_time: entry.time,
      log_name: entry.source,
      ...(entry.run === undefined ? {} : { correlation_uid: entry.run }),
    },
    ...fields(entry.data, entry),
    unmapped: {
      subject: entry.subject,
      ...(entry.run === undefined ? {} : { run: entry.run }),
      ...entry.data,
    },
  }
}

function withIdentity(data: Data, { subject }: Entry): Fields {
  return {
    user: userOf(data),
    session: { uid: subject, ...(isText(data['issuerUrl']) ? { issuer: data['issuerUrl'] } : {}) },
    service,
    auth_protocol_id: 6,
    is_remote: true,
    ...detailOf(data),
  }
}

function withPrivileges(data: Data): Fields {
  const { grant, session, connection } = data
  const privilege = isText(grant) ? grant : isText(connection) ? connection : 'lease'
  return {
    user: userOf(data),
    privileges: [privilege],
    ...(isText(session) ? { session: { uid: session } } : {}),
    ...detailOf(data),
  }
}

function withApi(data: Data, entry: Entry): Fields {
  const { what, host, operations } = data
  const named = Array.isArray(operations) ? (operations as unknown[]).slice(0, 50).map(nameOf) : [what, host]
  const resources = named.filter(isText).map((name) => ({ name }))
  return {
    api: { operation: entry.type, service },
    actor: actorOf(data),
    src_endpoint: { name: isText(data['step']) ? data['step'] : entry.source, uid: entry.subject },
    ...(resources.length === 0 ? {} : { resources }),
    ...detailOf(data),
  }
}

function withProcess(data: Data, { subject, run }: Entry): Fields {
  const reported = (data['reported'] ?? {}) as Data
  const { command, exitCode } = reported
  return {
    actor: actorOf(data),
    device: { type_id: 0, name: run ?? 'runner' },
    process: {
      uid: subject,
      ...(isText(data['name']) ? { name: data['name'] } : {}),
      ...(isText(command) ? { cmd_line: command } : {}),
    },
    ...(Number.isSafeInteger(exitCode) ? { exit_code: exitCode } : {}),
    ...detailOf(data),
  }
}

function withApp(data: Data, { run }: Entry): Fields {
  const { pipeline } = data
  return { app: { name: isText(pipeline) ? pipeline : 'run', uid: run ?? 'run' }, ...detailOf(data) }
}

function withFinding(data: Data, { id, type, subject }: Entry): Fields {
  const title = `${type}: the audit log ${subject}`
  return { finding_info: { uid: id, title }, ...detailOf(data) }
}

function userOf(data: Data): Fields {
  const identity = (data['identity'] ?? {}) as Data
  const { subject, person } = identity
  const name = [subject, data['by'], data['session'], data['step']].find(isText) ?? 'unknown'
  return { name, type_id: 3, ...(isText(person) ? { uid: person } : {}) }
}

function actorOf(data: Data): Fields {
  const { session, by } = data
  return {
    app_name: 'Mayfly',
    ...(isText(session) ? { session: { uid: session } } : {}),
    ...(isText(by) ? { user: { name: by, type_id: 1 } } : {}),
  }
}

function detailOf(data: Data): Fields {
  const detail = [data['reason'], data['detail']].find(isText)
  return detail === undefined ? {} : { status_detail: detail }
}

function nameOf(operation: unknown): string {
  const { action, connection, path, ref } = (operation ?? {}) as Record<string, unknown>
  const [what, where, which] = [action, connection, path].map((part) => (isText(part) ? part : '?'))
  return `${what} ${where}/${which}${isText(ref) ? `@${ref}` : ''}`
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
