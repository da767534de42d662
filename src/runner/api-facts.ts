import type { KindSettings } from '../kinds/index.ts'
import type { CacheReport } from './cache/index.ts'
import type { LogSummary, ProgramsRecord, ScriptRecord, UsageRecord } from './record/index.ts'
import type { HeldBy, LimitName } from './sandbox/index.ts'
import type { JobFacts, RoleFacts } from './session-facts.ts'

/* What the server and a supervisor tell each other. */

export interface SessionGrant {
  /** Renewed in place while the job lives. */
  access_token: string
  expires_in: number
  readonly session_id: string
  readonly run_id: string
  /** The roles it has, separated by spaces. */
  readonly scope: string
  /** Of the optional ones those that do not trust the job, and why. */
  readonly refused?: readonly { readonly role: string; readonly detail: string }[]
  /** The others, which people must approve first. */
  readonly pending?: PendingApproval
  /** The time of its roles counts from each step's start. */
  readonly waits?: boolean
  readonly job: JobFacts
  readonly roles: readonly RoleFacts[]
}

/** RFC 8628, section 3.2, as far as it fits: nobody is sent a code, the people are told by the server. */
export interface PendingApproval {
  readonly device_code: string
  readonly approval_id: string
  readonly interval: number
  readonly expires_in: number
  /** Where a person sees and answers it. */
  readonly verification_uri: string
  /** Who may approve, in words. */
  readonly approvers: string
  /** The roles it is for. */
  readonly scope: string
}

export interface StepGrant {
  readonly step_id: string
  readonly run_id: string
  /** Renewed in place while the step runs. */
  access_token: string
  expires_in: number
  readonly heartbeat_seconds: number
  /** How long the step may take to end when it is asked to. */
  readonly grace_seconds?: number
  readonly gateway: string
  readonly ca_certificate: string
  /** What the gateway shows for every SSH host, if the step has one: `ssh-ed25519 AAAA...`. */
  readonly ssh_host_key?: string
  readonly grants: readonly string[]
  readonly connections: readonly {
    name: string
    kind: string
    url: string
    authority: string
    /** Hosts of its files that tools go to themselves; missing from servers that do not say. */
    storage?: readonly string[]
    /** Of a registry: patterns of the names that it serves, if not all. */
    only?: readonly string[]
    /** Of a Go module proxy: the checksum database, if not Go's own. */
    sumdb?: string
    /** What its kind has a step's tools know. */
    settings?: KindSettings | undefined
    /** The step may publish there with an identity token of the job that is for this audience. */
    publisher_audience?: string
    /** The step itself is given its credential. */
    delivers?: true
  }[]
  /** Credentials that open nothing are planted in it. */
  readonly plants?: true
  /** Where the role may read the repository of the job; missing from servers that do not say. */
  readonly checkout?: readonly { connection: string; url: string }[]
  /** Hosts without a credential that the policy names one by one, as `host:port`. Missing from servers that do not say. */
  readonly egress?: readonly string[]
  /** Attestations are signed with an identity token of the job for this audience, to be handed over with the end. */
  readonly signing_audience?: string
  /** What becomes of secrets in files that it hands on. */
  readonly scan_artifacts?: 'block' | 'warn' | 'record'
}

/** What looks like a secret in files that a step hands on. */
export interface ArtifactFindings {
  readonly findings: readonly {
    readonly rule: string
    readonly confidence: 'certain' | 'likely' | 'possible'
    readonly path: string
    readonly line: number
    readonly fingerprint: string
  }[]
  readonly more: number
  readonly unseen: number
  readonly refused?: true
}

/** What the step itself is given of a credential that was made for it. */
export interface HandedCredential {
  readonly connection: string
  readonly kind: string
  readonly url: string
  /** RFC 3339. */
  readonly expires_at: string
  /** All that there is of it, by name: to be masked. */
  readonly fields: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  /** By their paths in the step's home. */
  readonly files: Readonly<Record<string, string>>
}

/** What the gateway took of the lockfiles. */
export interface PinnedLockfiles {
  readonly packages: number
  /** Missing from servers that do not say; with why one pins nothing. */
  readonly files?: readonly { readonly path: string; readonly unread?: string }[]
  /** Dependencies that no registry has. */
  readonly outside?: readonly { readonly name: string; readonly kind: 'git' | 'url'; readonly host: string }[]
  /** Entries that pin nothing because they cannot be read. */
  readonly gaps?: readonly {
    readonly path: string
    readonly line?: number
    readonly entry: string
    readonly why: string
  }[]
}

export interface FinishReport {
  readonly reason: 'finished' | 'cancelled' | 'failed_to_start' | 'timed_out'
  /** A token of the job for `signing_audience`. */
  readonly signing_identity?: string
  readonly exit_code?: number
  readonly artifact_findings?: ArtifactFindings
  readonly duration_ms?: number
  readonly output?: {
    stdout_bytes: number
    stderr_bytes: number
    stdout_sha256: string
    stderr_sha256: string
    merged: boolean
  }
  /** The limit that ended it. */
  readonly limit?: LimitName
  /** Who held it to its limits. */
  readonly limits_held_by?: HeldBy
  readonly script?: ScriptRecord
  readonly resources?: UsageRecord['resources']
  readonly left_in_memory?: UsageRecord['left_in_memory']
  readonly programs?: ProgramsRecord
  readonly log?: LogSummary
  /** Connections that it tried past the proxy. */
  readonly direct_attempts?: number
  /** Requests that were not sent on, because a secret stood in their address. */
  readonly withheld_requests?: number
  readonly refusals_seen?: number
  /** Secrets that its output and files would have shown, by name. */
  readonly secrets_seen?: readonly { name: string; count: number }[]
  readonly caches?: readonly CacheReport[]
  /** What it handed on, and what it took of earlier steps. */
  readonly artifacts?: FileList
  readonly inputs?: FileList
  /** Connections to the job's own services. */
  readonly services?: readonly { port: number; connections: number }[]
}

/** Files as the record has them: the first ones by name, and of all how many, their size, and the digest of their list. */
export interface FileList {
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[]
  readonly count: number
  readonly bytes: number
  /** SHA-256 of what `sha256sum` prints for all of them, sorted by path. */
  readonly sha256: string
}

export interface Heartbeat {
  /** Something that the step was handed is dead. */
  readonly credentials_ended?: true
  /** Missing from servers that do not know them. */
  readonly refusals?: {
    /** Each as the step was told it, with its request id; what the runner has seen is left out. */
    readonly lines: readonly string[]
    /** To be sent as `seen` next time. */
    readonly next: number
    /** Refused since the last answer beyond what the server keeps lines of. */
    readonly more: number
  }
}

/** One of the bundles that the server made of the step. */
export interface HandedBundle {
  /** `sums` is about the bytes of a SHA256SUMS, which are its `text`. */
  readonly kind: 'provenance' | 'sbom' | 'sums' | 'receipt' | 'vsa'
  /** `application/vnd.dev.sigstore.bundle.v0.3+json`. */
  readonly bundle: string
  readonly text?: string
}

export interface FinishAnswer extends StepActivity, Heartbeat {
  /** What of its end the server could not do. */
  readonly warnings?: readonly string[]
  /** Missing from servers that sign none, and where there is nothing to sign about. */
  readonly attestations?: readonly HandedBundle[]
  /** They are signed later. */
  readonly attestations_pending?: true
  /** Why some never will be. */
  readonly attestations_failed?: readonly string[]
}

/** What became of the attestations of a step. */
export interface Attested {
  /** How many artifacts they are about; what registries took from the step is among them. */
  readonly artifacts: number
  /** Of the first one, `sha256:HEX`: to ask for. */
  readonly digest?: string
  /** They are signed later. */
  readonly pending?: true
  /** The folder that they were written to. */
  readonly written?: string
}

export interface StepActivity {
  readonly granted: readonly { what: string; count: number }[]
  readonly denied: readonly { what: string; count: number; reason: string }[]
}
