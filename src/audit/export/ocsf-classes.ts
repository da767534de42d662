/** One class of OCSF 1.8, and what an entry of a type is in it. */
export interface EventClass {
  readonly classUid: number
  readonly categoryUid: number
  readonly activityId: number
  /** 1 informational, 2 low, 3 medium, 4 high, 5 critical. */
  readonly severityId: number
  /** 1 success, 2 failure. */
  readonly statusId: 1 | 2
}

const classes = {
  process: { classUid: 1007, categoryUid: 1 },
  finding: { classUid: 2004, categoryUid: 2 },
  authentication: { classUid: 3002, categoryUid: 3 },
  authorization: { classUid: 3003, categoryUid: 3 },
  lifecycle: { classUid: 6002, categoryUid: 6 },
  api: { classUid: 6003, categoryUid: 6 },
} as const
type ClassName = keyof typeof classes

/** Class, activity of that class (99: other), severity; then whether it failed. */
type Line = readonly [name: ClassName, activityId: number, severityId: 1 | 2 | 3 | 4 | 5, failed?: 'failed']

/**
 * What a SOC sorts by. Authentication is signing in: of jobs and of people. Whatever was refused or went wrong is a failure and
 * not informational.
 */
const lines: Readonly<Record<string, Line>> = {
  'session.issued': ['authentication', 1, 1],
  'session.refused': ['authentication', 1, 3, 'failed'],
  'session.ended': ['authentication', 2, 1],
  'session.revoked': ['authentication', 2, 3],
  'operator.signedin': ['authentication', 1, 1],
  'operator.signedout': ['authentication', 2, 1],
  'operator.refused': ['authentication', 1, 3, 'failed'],

  'lease.issued': ['authorization', 1, 1],
  'lease.renewed': ['authorization', 1, 1],
  'lease.revoked': ['authorization', 99, 1],
  'lease.unrevoked': ['authorization', 99, 4, 'failed'],
  'approval.requested': ['authorization', 99, 1],
  'approval.granted': ['authorization', 1, 1],
  'approval.denied': ['authorization', 99, 2, 'failed'],
  'approval.refused': ['authorization', 99, 3, 'failed'],
  'approval.expired': ['authorization', 99, 2, 'failed'],
  'approval.cancelled': ['authorization', 99, 1],
  'approval.voided': ['authorization', 99, 2, 'failed'],

  'access.granted': ['api', 2, 1],
  'access.shadowed': ['api', 2, 2],
  'access.denied': ['api', 99, 2, 'failed'],
  'egress.granted': ['api', 2, 1],
  'lockfile.pinned': ['api', 99, 1],
  'packages.downloaded': ['api', 2, 1],
  'packages.published': ['api', 1, 1],
  'git.pushed': ['api', 3, 1],
  'operations.done': ['api', 99, 1],
  'attestation.signed': ['api', 1, 1],
  'step.warned': ['api', 99, 2, 'failed'],
  'attestations.removed': ['api', 4, 1],
  'attestations.retried': ['api', 3, 1],
  'policy.applied': ['api', 3, 2],
  'secret.set': ['api', 3, 2],
  'secret.described': ['api', 3, 1],
  'secret.revealed': ['api', 2, 3],
  'scan.asked': ['api', 2, 1],
  'scan.told': ['api', 2, 1],
  'scan.verifying': ['api', 2, 1],
  'scan.revoking': ['api', 4, 2],
  'scan.revoked': ['api', 4, 2],
  'secret.restored': ['api', 3, 2],
  'secret.deleted': ['api', 4, 2],
  'secret.destroyed': ['api', 4, 2],
  'secret.moved': ['api', 3, 2],
  'secret.rotated': ['api', 3, 1],
  'secret.retired': ['api', 4, 1],
  'compromise.answered': ['api', 4, 2],
  'secret.rolledback': ['api', 3, 3, 'failed'],
  'secret.unrotated': ['api', 3, 4, 'failed'],
  'oidc.rotated': ['api', 3, 2],
  'trust.published': ['api', 3, 2],
  'trust.rotated': ['api', 3, 2],
  'trust.revoked': ['api', 4, 4],
  'vault.sealed': ['api', 3, 3],
  'vault.unsealed': ['api', 3, 3],
  'vault.rekeyed': ['api', 3, 3],
  'vault.rotated': ['api', 3, 2],
  'vault.refused': ['api', 3, 3, 'failed'],
  'token.created': ['api', 1, 2],
  'token.recovered': ['api', 1, 2],
  'token.revoked': ['api', 4, 1],
  'connection.killed': ['api', 4, 1],
  'person.erased': ['api', 4, 2],
  'logs.removed': ['api', 4, 2],
  'notification.failed': ['api', 99, 2, 'failed'],

  'step.started': ['process', 1, 1],
  'step.refused': ['process', 1, 3, 'failed'],
  'step.finished': ['process', 2, 1],
  'run.started': ['lifecycle', 3, 1],
  'run.finished': ['lifecycle', 4, 1],
  'server.started': ['lifecycle', 3, 1],

  'package.changed': ['finding', 1, 4],
  'honey.touched': ['finding', 1, 5],
  'scan.found': ['finding', 1, 4],
  'scan.known': ['finding', 1, 4],
  'scan.verified': ['finding', 1, 4],
  'secret.compromised': ['finding', 1, 5],
  'sumdb.contradicted': ['finding', 1, 5],
  'provenance.downgraded': ['finding', 1, 4],
  'entries.lost': ['finding', 1, 4],
  'timestamp.announced': ['api', 1, 2],
  'timestamp.rotated': ['api', 3, 2],
  'quorum.lost': ['finding', 1, 3],
  'quorum.restored': ['finding', 3, 1],
  'history.refused': ['finding', 1, 4],
  'history.contradicted': ['finding', 1, 5],
  'rollback.accepted': ['finding', 1, 5],
  'store.restored': ['finding', 1, 4],
}

/** The types of entries that have a place here. */
export const classifiedTypes: readonly string[] = Object.keys(lines)

/** `failed`: as the entry itself says, for types that can go both ways and those that have no line yet. */
export function classOf(type: string, failed: boolean): EventClass {
  const [name, activityId, severityId, fails] = lines[type] ?? ['api', 99, failed ? 2 : 1]
  return { ...classes[name], activityId, severityId, statusId: failed || fails === 'failed' ? 2 : 1 }
}

export function isFinding({ classUid }: EventClass): boolean {
  return classUid === classes.finding.classUid
}
