import type { Generated } from 'kysely'

/** CI jobs, the sessions that they were given, and the people who stand in their entries. */
export interface SessionTables {
  /** One-shot identity tokens, by `exp`, `iss` and `jti` together; kept until they would have expired anyway. */
  spent_tokens: { issuer: string; token_id: string; expires_ms: number }
  sessions: {
    id: string
    run_id: string
    /** JSON of the Identity's attributes, run ids and issuer. */
    identity: string
    /** JSON array of role names. */
    roles: string
    /** RFC 7638 thumbprint of the DPoP key. */
    jkt: string
    created_ms: number
    expires_ms: number
    heartbeat_ms: number
    /** How long its steps may take to begin; 0: it does not wait. */
    wait_seconds: Generated<number>
    ended_ms: number | null
    end_reason: string | null
    /** Of the identity, for those who end sessions by them. */
    issuer: string
    repository_id: string | null
    repository: string | null
    commit_id: string | null
    /** Index of its `session.issued` in the audit log. */
    issued_entry: Generated<number | null>
  }
  /** CI jobs: how many entries each has in the audit log, and which numbers may be missing there (JSON array). */
  runs: { id: string; next_number: number; given_up: string }
  /** People whose names stand in the audit log: who it is, as the issuer knows them, and their sealed key there. */
  people: { who: string; alias: string | null; person: string; sealed: Uint8Array; created_ms: number }
  /** Which roles steps of a run have had in which workspace that others share; '' where the runner did not say which. */
  workspaces: { run_id: string; workspace: string; role: string }
}
