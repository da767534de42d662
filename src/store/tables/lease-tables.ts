import type { Generated } from 'kysely'

type LeaseState = 'requested' | 'issued' | 'revoking' | 'revoked' | 'expired' | 'revoke_failed'

/** Credentials that were made for steps, until each is known to be dead. */
export interface LeaseTables {
  leases: {
    id: string
    session_id: string
    step_id: string
    connection: string
    grant_source: string
    kind: string
    created_ms: number
    expires_ms: number
    revoked_ms: number | null
    revoke_reason: string | null
    state: Generated<LeaseState>
    /** JSON: what finds it again at its upstream; there before the upstream is asked. No secret. */
    plan: string | null
    /** Sealed JSON: what revokes it, the credential itself where it takes that. */
    handle: Uint8Array | null
    /** What revoking it means: `at_once`, `by_expiry`, or `within N` (seconds). */
    means: Generated<string>
    /** How often its upstream was asked to revoke it. */
    attempts: Generated<number>
    /** When something is to be done about it. */
    due_ms: number | null
    /** A server does it since then; the claim lapses. */
    claimed_ms: number | null
    claimed_by: string | null
    /** Why it could not be revoked so far. */
    failure: string | null
    /** The published list that names it from when it is to end until it has expired. */
    revocation_list: string | null
    /** How it is known to be dead: `probed`, `not_found`, `confirmed`, `expired`, or `operator`, whose word it is. */
    proof: string | null
    /** The run of a minted one. */
    run_id: string | null
    /** Its upstream was asked then to make or renew it, and the answer is not known: there may be more than `handle` tells of. */
    asked_ms: number | null
    /** Since when it is being revoked. */
    revoking_ms: number | null
    /** When it was last told that it cannot be revoked. */
    told_ms: number | null
  }
  /** How many leases are in which state; `removed` are those that were deleted. Kept by triggers. */
  lease_counts: { state: LeaseState | 'removed'; leases: number }
  /** Which versions of which secrets a lease was made from. */
  lease_secrets: { secret: string; version: number; lease_id: string; created_ms: number }
}
