import { newOrderedId, type Clock, type LeaseId } from '../../lib/index.ts'
import { longestSecondsOf, type Connection, type MintedCredentialConfig } from '../../connections/index.ts'
import type { CredentialIssuer, Held, Minted, MintRequest, Plain } from '../../credentials/index.ts'
import type { Lease, Step, UsedSecret } from '../model.ts'
import { settleMs } from './ask-end.ts'
import { mintMs } from './ask-mint.ts'
import { meansText, planText } from './held.ts'
import type { Requested } from './ledger.ts'

/** Who asks for a credential, and where. */
export interface Asked {
  readonly step: Step
  readonly connection: Connection
  readonly credential: MintedCredentialConfig
  readonly grant: string
}

/** A credential that is in force. */
export interface Current {
  readonly lease: Lease
  readonly requested: Requested
  readonly plan: Plain
  readonly minted: Minted
  readonly madeMs: number
  /** A renewal of it was asked for, and never answered. */
  unheard: boolean
}

/** Who the role is, for narrowing: its grants on a connection as they are written. */
export type GrantsOf = (role: string, connection: string) => readonly string[]

/** As long as the rest of the step, and as its configuration lets it. */
export function requestOf(
  { step, connection, credential, grant }: Asked,
  lease: LeaseId | undefined,
  clock: Clock,
  grantsOf: GrantsOf,
): MintRequest {
  const now = clock.nowMs()
  const { session, role } = step
  const left = Math.ceil((step.expiresMs - now) / 1000)
  const grants = grantsOf(role, connection.name)
  const { repository } = session.subject.attributes
  return {
    lease: lease ?? newOrderedId<LeaseId>('lse', now),
    connection,
    config: credential.config,
    grants: grants.length === 0 ? [grant] : grants,
    ttlSeconds: Math.max(1, Math.min(left, longestSecondsOf(credential) ?? left)),
    run: session.runId,
    step: step.id,
    role,
    ...(repository === undefined ? {} : { repository }),
    job: session.subject,
  }
}

export function requestedOf(
  { step, connection, credential, grant }: Asked,
  request: MintRequest,
  { plan, from }: { plan: Plain; from: readonly UsedSecret[] },
  issuer: CredentialIssuer,
  { clock, server }: { clock: Clock; server: string },
): Requested {
  return {
    lease: request.lease,
    step,
    connection: connection.name,
    grant,
    kind: credential.scheme,
    plan: planText(connection, credential, plan),
    means: meansText(issuer.revocation(credential.config)),
    revocationList: issuer.revocationList?.(credential.config),
    expiresMs: latestMs(issuer, request, clock),
    from,
    dueMs: clock.nowMs() + mintMs + settleMs,
    by: server,
  }
}

/** Until when what is asked for now may live. */
export function latestMs(issuer: CredentialIssuer, request: MintRequest, clock: Clock): number {
  return clock.nowMs() + Math.max(request.ttlSeconds, issuer.longestSeconds ?? 0) * 1000
}

export function heldIn(
  { connection, credential }: Asked,
  { requested, plan, minted }: Pick<Current, 'requested' | 'plan' | 'minted'>,
): Held {
  const { handle, expiresMs } = minted
  return { lease: requested.lease as LeaseId, connection, config: credential.config, plan, handle, expiresMs }
}
