/** The attestation log and its timestamp authority, which run in another process under other keys. */
export interface AttestationLog {
  /** Answers when the entry is durable and stands under a signed checkpoint. Throws `audit_unavailable`. */
  add(entry: Uint8Array, signature: Uint8Array): Promise<LoggedEntry>
  /** For the trusted root. */
  keys(): Promise<LogKeys>
}

export interface LoggedEntry {
  readonly index: number
  /** The tree that the proof is for. */
  readonly treeSize: number
  readonly rootHash: Buffer
  readonly hashes: readonly Buffer[]
  /** The signed note, as text. */
  readonly checkpoint: string
  /** DER of the RFC 3161 response (or the token alone) over the signature. Only the check of the finished bundle verifies it. */
  readonly timestamp: Buffer
}

export interface LogKeys {
  /** Name of the key and first line of each checkpoint: a host name. */
  readonly origin: string
  /** C2SP's form: NAME+HASH+BASE64. */
  readonly verifierKey: string
  /** PEM, the authority's own certificate first. */
  readonly timestampChain: readonly string[]
  /** Where there were others before it: all of them. */
  readonly timestampChains?: readonly {
    readonly chain: readonly string[]
    readonly sinceMs: number
    readonly untilMs?: number
  }[]
  /** Is to sign after the next rotation: announced, so that verifiers know it before. */
  readonly nextTimestampChain?: { readonly chain: readonly string[]; readonly sinceMs: number }
  readonly sinceMs: number
}
