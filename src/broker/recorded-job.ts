import { pseudonym, type AuditEvent } from '../audit/client/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Session, Step } from './model.ts'

/**
 * The job that something was done for, as every entry of a session carries it, so that each answers by itself for whom, from
 * which repository and commit. The person stands there by their pseudonym alone: their name is in `session.issued`.
 */
export function recordedJob({
  issuer,
  attributes,
}: Pick<Identity, 'issuer' | 'attributes'>): Readonly<Record<string, unknown>> {
  const { repository, repository_id, ref, commit, actor, actor_id: id } = attributes
  const who = id ?? actor
  const alias = actor ?? id
  return {
    issuer,
    repository: short(repository),
    repository_id: short(repository_id),
    ref: short(ref),
    commit: short(commit),
    ...(who === undefined ? {} : { actor: pseudonym(`${issuer}:${who}`, `${issuer}:${alias}`) }),
  }
}

const maxChars = 500

/** A job chooses its ref, and an entry has room for so much. */
function short(value: string | undefined): string | undefined {
  return value === undefined || value.length <= maxChars ? value : `${value.slice(0, maxChars - 1)}…`
}

/** Something that a step did, or was refused. */
export function stepEvent(step: Step, type: string, data: Readonly<Record<string, unknown>>): AuditEvent {
  const { session } = step
  return {
    type,
    run: session.runId,
    subject: step.id,
    data: { session: session.id, step: step.id, role: step.role, job: jobOf(session), ...data },
  }
}

export function jobOf({ subject }: Session): Readonly<Record<string, unknown>> {
  return recordedJob(subject)
}
