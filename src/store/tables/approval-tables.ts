import type { Generated } from 'kysely'

/** What people are asked, what they said, and the messages to them. */
export interface ApprovalTables {
  /** Requests of roles that people must approve, and what each is bound to. */
  approvals: {
    id: string
    /** SHA-256 in hex of the code that the supervisor polls with. */
    code_hash: string
    /** Only the key that asked gets the session. */
    jkt: string
    state: 'pending' | 'approved' | 'used' | 'denied' | 'expired' | 'cancelled' | 'void'
    /** JSON of the whole Identity: its token was used up by asking. */
    identity: string
    roles: string
    policy_version: number
    grants_digest: string
    run_id: string
    issuer: string
    repository_id: string | null
    repository: string | null
    commit_id: string | null
    created_ms: number
    expires_ms: number
    ended_ms: number | null
    end_reason: string | null
    /** Of one operation of a step, and not of a session: what it is about to do, as JSON. */
    operation: string | null
    step_id: string | null
    /** Digest of what a yes is good for. */
    operation_key: string | null
  }
  /** One a person; `login` as they had signed in. */
  approval_votes: {
    approval_id: string
    person: string
    name: string
    reason: string | null
    login: string
    created_ms: number
    /** Index of its `approval.granted` in the audit log. */
    entry: Generated<number | null>
  }
  /** Messages that wait for delivery. */
  notifications: {
    id: string
    /** A name under `notify`. */
    target: string
    event: string
    attempts: number
    due_ms: number
    created_ms: number
  }
}
