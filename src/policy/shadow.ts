import { actionsOf, isWrite } from '../kinds/index.ts'
import { type Grant, type Operation } from './grant.ts'
import type { TrustSubject } from './trust.ts'
import type { Limits } from './limits.ts'

/**
 * The grant whose connection a role in shadow mode may use for what no grant allows, or undefined. It is for finding
 * out which grants a pipeline needs, so the most that it waives is path and ref, and reading on a connection that
 * the role reaches already. Never another connection's credential, never a write of a kind that the role was not
 * given there, and nothing that `limits` forbid or keep for approval. Trust is not asked here, nor waived anywhere.
 */
export function waivable(
  role: { readonly shadow: boolean; readonly approval: boolean; readonly grants: readonly Grant[] },
  operation: Operation,
  limits: Limits,
): string | undefined {
  if (!role.shadow || limits.forbids(operation) !== undefined) return undefined
  if (!role.approval && limits.wantsApproval(operation) !== undefined) return undefined
  const onConnection = role.grants.filter(({ connection }) => connection === operation.connection)
  const sameAction = onConnection.find(({ action }) => actionsOf(action).includes(operation.action))
  const fallback = isWrite(operation.action) ? undefined : onConnection[0]
  return (sameAction ?? fallback)?.source
}

/**
 * Events whose jobs run what nobody has reviewed, or that a stranger can set off, of whichever CI. A child pipeline of GitLab may be a merge
 * request's: it does not say.
 */
const unreviewed =
  /pull_request|merge_request|^issue|^discussion|^(?:fork|gollum|watch|workflow_run|parent_pipeline)$/

/**
 * Events that only those set off who may change the code. Whatever else a CI names may be of a fork, or of a child of one of its pipelines
 * (GitLab says whose code it is from 18.4 on, Buildkite not at all).
 */
const reviewed: ReadonlySet<string> = new Set([
  ...['push', 'schedule', 'release', 'workflow_dispatch', 'repository_dispatch', 'web'],
])

/**
 * Whether shadow mode holds for this job at this time. A role may be learning for days; what a fork or an open pull request runs meanwhile
 * would not only read more than it may, but teach the policy to allow it.
 */
export function isLearning(
  role: { readonly shadow: boolean; readonly shadowUntilMs?: number | undefined },
  { attributes }: Pick<TrustSubject, 'attributes'>,
  nowMs: number,
): boolean {
  if (!role.shadow || nowMs >= (role.shadowUntilMs ?? Number.POSITIVE_INFINITY)) return false
  return !isUnreviewed(attributes)
}

/**
 * Does the token say that no stranger has a hand in the job? One that says neither what started it nor whose code it is does not.
 */
export function isSurelyReviewed(attributes: TrustSubject['attributes']): boolean {
  if (isUnreviewed(attributes)) return false
  const { event, fork } = attributes
  return event === undefined ? fork === 'false' : reviewed.has(event)
}

/** Does the job run what nobody has reviewed, as far as its token says? */
export function isUnreviewed(attributes: TrustSubject['attributes']): boolean {
  return unreviewed.test(attributes['event'] ?? '') || attributes['fork'] === 'true'
}
