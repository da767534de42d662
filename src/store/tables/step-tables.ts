import type { Generated } from 'kysely'

/** Steps, and what each took in, handed on and said. */
export interface StepTables {
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
    /** `verified` once it has ended, and its provenance says so of all that it took in. */
    dependencies: Generated<'verified' | null>
  }
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
}
