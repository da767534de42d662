import { sha256Hex } from '../lib/index.ts'
import { recordedIdentity } from '../broker/index.ts'
import type { Identity } from '../identity/index.ts'
import { writtenGrant } from '../policy/index.ts'
import type { Rules } from '../rules/index.ts'
import type { Tables } from '../store/index.ts'

/** A request of roles that people must approve. */
export interface ApprovalRequest {
  readonly id: string
  readonly state: Tables['approvals']['state']
  readonly jkt: string
  readonly identity: Identity
  readonly roles: readonly string[]
  readonly policyVersion: number
  readonly grantsDigest: string
  readonly runId: string
  readonly createdMs: number
  readonly expiresMs: number
  readonly endReason: string | null
  /** It is about one operation of a step that runs, and not about a session: of `identity` the job and its attributes are known. */
  readonly operation?: AskedOperation
}

/** What a step is about to do, and the grant that lets it if a person says yes. */
export interface AskedOperation {
  readonly step: string
  readonly stepName: string
  readonly session: string
  readonly grant: string
  /** `always`: the yes is good for this operation, once; `first`: for all that the grant allows in this step. */
  readonly mode: 'always' | 'first'
  /** A group; those who approve the role if left out. */
  readonly approvers?: string
  readonly operations: readonly string[]
  /** What the gateway knows of it besides: the shape of a statement, the command. Without values. */
  readonly detail: Readonly<Record<string, unknown>>
}

export interface Vote {
  readonly person: string
  readonly name: string
  readonly reason: string | null
  readonly createdMs: number
}

export function requestOf(row: Tables['approvals']): ApprovalRequest {
  return {
    id: row.id,
    state: row.state,
    jkt: row.jkt,
    identity: JSON.parse(row.identity) as Identity,
    roles: JSON.parse(row.roles) as string[],
    policyVersion: row.policy_version,
    grantsDigest: row.grants_digest,
    runId: row.run_id,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    endReason: row.end_reason,
    ...(row.operation === null ? {} : { operation: JSON.parse(row.operation) as AskedOperation }),
  }
}

/** What a yes is bound to; the same in every entry about it. */
export function boundTo(request: ApprovalRequest): Record<string, unknown> {
  const { identity, roles, policyVersion, grantsDigest, operation } = request
  const { repository_id, repository, ref, commit, workflow, workflow_digest } = identity.attributes
  return {
    issuer: identity.issuer,
    repository_id,
    repository,
    ref,
    commit,
    workflow,
    workflow_digest,
    actor: recordedIdentity(identity)['actor'],
    ...(operation === undefined ? { ciRun: identity.run } : { operation }),
    roles,
    policyVersion,
    grantsDigest,
  }
}

/** Everything that the roles would give: their grants, how long, how isolated, how strict, and where the connections lead. */
export function grantsOf(rules: Rules, names: readonly string[]) {
  const roles = names.flatMap((name) => {
    const role = rules.policy.roles.get(name)
    if (role === undefined) return []
    const { ttlSeconds, isolation, shadow, grants } = role
    const egress = rules.document.roles[name]?.egress ?? []
    return [{ name, ttlSeconds, isolation, shadow, grants: grants.map(writtenGrant), egress }]
  })
  const used = new Set(
    names.flatMap((name) => rules.policy.roles.get(name)?.grants.map((one) => one.connection) ?? []),
  )
  const connections = Object.entries(rules.document.connections).filter(([name]) => used.has(name))
  return { roles, digest: sha256Hex(JSON.stringify([roles, connections, rules.document.egress])) }
}
