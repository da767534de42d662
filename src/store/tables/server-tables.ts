import type { Generated } from 'kysely'

/** The server itself: its policy, its keys, who may call it, and entries that the audit log does not have yet. */
export interface ServerTables {
  meta: { key: string; value: string }
  /** Entries whose event has happened (an end, a revocation) and that the audit log has not confirmed yet. */
  outbox: { seq: Generated<number>; id: string; event: string }
  policies: {
    version: Generated<number>
    text: string
    applied_by: string
    applied_ms: number
    /** Where it came from, as JSON: repository, ref and commit; null for a file. */
    source: string | null
  }
  api_tokens: {
    id: string
    /** SHA-256 of the token in hex; the token itself is shown once and kept nowhere. */
    hash: string
    name: string
    scopes: string
    created_ms: number
    expires_ms: number | null
    revoked_ms: number | null
    /** JSON of the login of the person it was made for; null for a program's. */
    login: string | null
  }
  /** People who signed in with a browser; `hash` of the cookie. */
  operator_sessions: {
    id: string
    hash: string
    login: string
    created_ms: number
    seen_ms: number
    expires_ms: number
    ended_ms: number | null
  }
  /** The server's signing keys, private part sealed by the vault. Those of one use and algorithm follow one another by their number. */
  signing_keys: {
    kid: string
    public_jwk: string
    sealed: Uint8Array
    created_ms: number
    /** `access`: our access tokens; `identity`: tokens for upstreams that trust us. No key has both. */
    use: Generated<'access' | 'identity'>
    alg: Generated<'ES256' | 'RS256'>
    number: Generated<number>
    /** It is published from its making on, and signs from then on. */
    not_before_ms: Generated<number>
    /** It signs until then: the next one does from then on. */
    retired_ms: number | null
    /** It is published until then, since tokens that it signed may still be met; then its row goes. */
    withdrawn_ms: number | null
  }
}
