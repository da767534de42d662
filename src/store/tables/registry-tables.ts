/** What registries have shown so far, which they may not take back. */
export interface RegistryTables {
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
}
