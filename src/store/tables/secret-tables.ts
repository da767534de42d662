import type { Generated } from 'kysely'

/** Sealed secrets, the keys of the vault, and how values are replaced. */
export interface SecretTables {
  /** Sealed values; a version is never overwritten, only destroyed: then `sealed` is empty. */
  secrets: {
    name: string
    version: number
    sealed: Uint8Array
    created_ms: number
    created_by: string | null
    destroyed_ms: number | null
  }
  /** What is known of a secret beside its versions. */
  secret_names: {
    name: string
    owner: string | null
    description: string | null
    /** JSON object of texts. */
    tags: Generated<string>
    /** The version that is used. */
    current_version: number
    created_ms: number
    /** Deleted, and to be restored until it is destroyed. */
    deleted_ms: number | null
    used_ms: number | null
    used_by: string | null
    /** Versions up to this one are known to others; 0: none is. */
    compromised_version: Generated<number>
    /** Versions up to this one died at their upstream when the next was made; 0: none did. */
    dead_version: Generated<number>
  }
  /** How versions of secrets are found in what is scanned; made of them anew whenever a row is missing. */
  secret_fingerprints: {
    seq: Generated<number>
    name: string
    version: number
    sealed: Uint8Array
    /** Which parts and forms they are of: `reckonedVersion` of scan/known. */
    reckoned: Generated<number>
  }
  /** What steps were given; `name` is an HMAC under a key of the vault. */
  given_names: { name: string; connection: string; step_id: string; lease_id: string; until_ms: number }
  /** Keys of the vault, wrapped by its key provider; sealed values name theirs. */
  vault_keys: {
    id: number
    wrapped: Uint8Array
    /** JSON: which provider wrapped it. */
    provider: string
    created_ms: number
    retired_ms: number | null
  }
  /** New values of secrets: what is done for each, and how far it is. */
  rotations: {
    id: string
    secret: string
    rotator: string
    /** JSON: its configuration as it was when it was planned. */
    config: string
    state:
      | 'planned'
      | 'creating'
      | 'created'
      | 'probed'
      | 'promoted'
      | 'retiring'
      | 'undoing'
      | 'done'
      | 'rolled_back'
      | 'failed'
    cause: 'schedule' | 'asked' | 'compromise'
    asked_by: string
    from_version: number
    to_version: number | null
    /** JSON: what finds again what is made; there before the upstream is asked. No secret, as in the two that follow. */
    plan: string | null
    /** JSON: what ends the new value, and the old one. */
    handle: string | null
    old_handle: string | null
    created_ms: number
    due_ms: number
    /** How often its state was tried. */
    attempts: number
    promoted_ms: number | null
    ended_ms: number | null
    claimed_ms: number | null
    claimed_by: string | null
    failure: string | null
    /** How the old value is known to be dead. */
    proof: string | null
    /** JSON: who took it back, or gave it up. */
    undone_by: string | null
  }
  /** What people were told of a secret's version, so that they are told once. */
  rotation_alerts: { secret: string; version: number; about: string; created_ms: number }
  /** Versions of secrets that others know, and what was done about them. */
  compromises: {
    seq: Generated<number>
    id: string
    secret: string
    /** This one and all older ones. */
    version: number
    reason: string | null
    /** JSON. */
    asked_by: string
    created_ms: number
    /** How many leases were revoked. */
    leases: Generated<number>
    /** How the old value is known to be dead, or `not_proved`. */
    proof: string | null
    ended_ms: number | null
  }
  /** Secrets that vendors were asked about; `name` is an HMAC under a key of the vault. */
  scan_asked: {
    name: string
    rule: string
    /** By a server that asks now. */
    claimed_ms: number | null
    seen_ms: number
    answered_ms: number | null
    /** JSON: what it said, and never the secret. */
    answer: string | null
    revoking_ms: number | null
    revoked_ms: number | null
  }
}
