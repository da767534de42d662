import type { Generated } from 'kysely'

/** Times are milliseconds since the Unix epoch, `null` while the event has not happened. */
export interface Tables {
  meta: { key: string; value: string }
  /** One-shot identity tokens: `iss` and `jti` together, kept until the token would have expired anyway. */
  used_tokens: { issuer: string; token_id: string; expires_ms: number }
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
    ended_ms: number | null
    end_reason: string | null
  }
  steps: {
    id: string
    session_id: string
    name: string
    role: string
    tier: string
    created_ms: number
    expires_ms: number
    heartbeat_ms: number
    ended_ms: number | null
    end_reason: string | null
    exit_code: number | null
  }
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
  }
  /** Sealed values; a version is never overwritten. */
  secrets: { name: string; version: number; sealed: Uint8Array; created_ms: number }
  /** Entries whose event has happened (an end, a revocation) and that the audit log has not confirmed yet. */
  outbox: { seq: Generated<number>; id: string; event: string }
  policies: { version: Generated<number>; text: string; applied_by: string; applied_ms: number }
  api_tokens: {
    id: string
    /** SHA-256 of the token in hex; the token itself is shown once and kept nowhere. */
    hash: string
    name: string
    scopes: string
    created_ms: number
    expires_ms: number | null
    revoked_ms: number | null
  }
  /** The server's signing keys, private part sealed by the vault. */
  signing_keys: { kid: string; public_jwk: string; sealed: Uint8Array; created_ms: number }
}
