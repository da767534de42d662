import type { Generated } from 'kysely'

export type LeaseState = 'requested' | 'issued' | 'revoking' | 'revoked' | 'expired' | 'revoke_failed'

export type AttestationKind = 'provenance' | 'sbom' | 'sums' | 'receipt' | 'vsa'

/** Times are milliseconds since the Unix epoch, `null` while the event has not happened. */
export interface Tables {
  meta: { key: string; value: string }
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
    /** JSON of what it was opened with, until it has ended. */
    opened: string | null
    /** Index of its first entry in the audit log. */
    first_entry: number | null
    /** JSON of how it ends, once that is decided; something is still done between that and its end. */
    decided: Generated<string | null>
  }
  /** Which roles steps of a run have had in which workspace that others share; '' where the runner did not say which. */
  workspaces: { run_id: string; workspace: string; role: string }
  /** What open steps have pinned: the text of each lockfile, gzipped. */
  lockfiles: { step_id: string; packed: Uint8Array }
  /** What steps of a run published or declared, as `sha256:HEX`. */
  run_artifacts: { run_id: string; digest: string; step_id: string; created_ms: number }
  /** Of open steps: all files that they hand on, gzipped, and the digest of the list as `sha256sum` prints it. */
  step_artifacts: { step_id: string; sha256: string; packed: Uint8Array }
  /** What a step took in through the gateway: files of packages, commits. `path` tells files of one version apart, by their digest. */
  step_materials: {
    step_id: string
    run_id: string
    purl: string
    path: Generated<string>
    /** What it was checked against, as its registry or lockfile says it (`sha512-…`, `sha256:HEX`). */
    digest: string | null
    /** Of the bytes that came over the wire, in hex. */
    sha256: string | null
    /** What said that it is this one: `lockfile`, `registry`, `signature` ... */
    by: string
    connection: string
    part: string | null
    created_ms: number
  }
  /** Servers that carried something for a step and have not brought all of it to the store. */
  step_carriers: { step_id: string; carrier: string; created_ms: number }
  /** What registries took from a step, with the digest that went over the wire; `tag` is '' for what has none. */
  step_publications: {
    step_id: string
    /** A package URL. */
    name: string
    /** `sha256:HEX`. */
    digest: string
    connection: string
    tag: string
    run_id: string
    bytes: number | null
    created_ms: number
  }
  /** What is signed, or is to be signed, of a step: one a kind. */
  attestations: {
    id: string
    /** Empty for a verification summary, whose `step_id` is its own id. */
    run_id: string
    step_id: string
    kind: AttestationKind
    /**
     * `due` until its bundle may be handed out; `failed` only for what can never be signed; `kept`: nobody has asked for it, and all
     * that it would be made of is there.
     */
    state: 'kept' | 'due' | 'signed' | 'failed'
    /** JSON, gzipped: what its statement is made of, until it is signed. */
    facts: Uint8Array | null
    /** Gzipped. It is there before the audit log has the entry of its signing: `state` says whether it may be handed out. */
    bundle: Uint8Array | null
    /** In hex, as `signed_by`: the digest of the certificate, or of the key. */
    statement_sha256: string | null
    predicate_type: string | null
    log_index: number | null
    signed_by: string | null
    created_ms: number
    signed_ms: number | null
    /** When something is to be done about it. */
    due_ms: number | null
    attempts: Generated<number>
    /** A server does it since then; the claim lapses. */
    claimed_ms: number | null
    claimed_by: string | null
    /** Why it could not be signed so far. */
    failure: string | null
    /** Its bundle was removed then, by the retention. */
    removed_ms: number | null
  }
  /** What an attestation is about, as `sha256:HEX`. */
  attestation_subjects: { digest: string; attestation_id: string; name: string | null }
  /** The attestation CA and the root key, sealed by the vault as `attest key ID`; those of one use follow one another by their number. */
  attest_keys: {
    /** SHA-256 of the public key's SPKI in hex. */
    id: string
    use: 'ca' | 'root' | 'signing'
    /** PEM, as is `certificate`. */
    public_key: string
    certificate: string | null
    /** Null: its private part is not here (a root key that is offline), or was destroyed. */
    sealed: Uint8Array | null
    created_ms: number
    /** It signs from then on, */
    not_before_ms: number
    /** and until then. */
    retired_ms: number | null
    removed_ms: number | null
    number: number
  }
  /** The public key (SPKI, base64) that a place of keys had when it was first used: whatever it has later signs nothing. */
  attest_pins: { place: string; spki: string; first_ms: number }
  /** Signed trust documents (DSSE envelopes), every version. */
  trust_documents: { version: number; envelope: string; created_ms: number }
  /** Keys that count no more, from when and from which entry of the attestation log on; the next trust document says so. */
  attest_revocations: {
    /** SHA-256 of its SPKI in hex. */
    key: string
    from_ms: number
    tree_size: number
    /** Id of the key of the log that had this size, base64; null in rows of an earlier Mayfly. */
    log_id: string | null
    reason: string
    created_ms: number
  }
  /** What each file of a registry was when a step had it for the first time. */
  first_seen: {
    registry: string
    purl: string
    path: string
    digest: string
    seen_ms: number
    /** From then on the audit log has it. */
    recorded_ms: number | null
  }
  /** The newest tree head of each transparency log of a registry (its verifier key), in base64 and as it was signed. */
  tree_heads: { log: string; size: number; root: string; note: string }
  /** Of a signed archive: an older one is no more taken. */
  archive_dates: {
    registry: string
    suite: string
    date_ms: number
  }
  /** Where a package of a registry comes from, by the version of it that proved it first, and since when (publishing time). */
  provenance: {
    registry: string
    name: string
    issuer: string
    repository: string
    repository_id: string | null
    version: string
    since_ms: number
  }
  /** Logs of steps that said anything. The bytes are files; a log that is removed leaves its row. */
  step_logs: {
    step_id: string
    run_id: string
    opened_ms: number
    /** From then on it is compressed, and does not change. */
    sealed_ms: number | null
    /** Plain, and as it is stored: known once it is sealed, as is its SHA-256 in hex. */
    bytes: number
    stored_bytes: number
    sha256: string | null
    /** A server seals or removes it since then. */
    claimed_ms: number | null
    removed_ms: number | null
    remove_reason: string | null
  }
  /** Sessions at terminals of hosts. The bytes are files; one that is removed leaves its row. */
  recordings: {
    id: string
    run_id: string
    step_id: string
    connection: string
    /** As the entry of its permission has it. */
    operation: string
    started_ms: number
    ended_ms: number | null
    /** Of the file, and its SHA-256 in hex: known once it has ended. */
    bytes: number
    sha256: string | null
    removed_ms: number | null
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
  /** Which versions of which secrets a lease was made from. */
  lease_secrets: { secret: string; version: number; lease_id: string; created_ms: number }
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
