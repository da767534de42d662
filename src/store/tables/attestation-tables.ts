import type { Generated } from 'kysely'

export type AttestationKind = 'provenance' | 'sbom' | 'sums' | 'receipt' | 'vsa'

/** What is signed of steps, by which keys, and who is to believe them. */
export interface AttestationTables {
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
}
