/**
 * What is known of one step, as plain data (it survives JSON). Everything outside `reported` is the server's own record, or was
 * verified by it; `reported` is what the supervisor said, which runs outside the step's sandbox. Nothing comes from the step itself.
 */
export interface StepFacts {
  readonly server: {
    /** Its own URL, without a slash at the end. */
    readonly url: string
    readonly version: string
  }
  readonly run: {
    readonly id: string
    /** The CI's own ids of it. */
    readonly ci: { readonly id: string; readonly attempt: string; readonly job: string }
  }
  readonly session: {
    readonly id: string
    readonly issuedMs: number
    readonly roles: readonly string[]
  }
  readonly identity: VerifiedJob
  readonly step: {
    readonly id: string
    readonly role: string
    readonly startedMs: number
    readonly finishedMs: number
    /** Why it is over, as in `step.finished`: `finished`, `expired`, `revoked`... */
    readonly reason: string
    /** `success`, `failure`, `cancel` or `error`, as in `step.finished`. */
    readonly outcome: string
  }
  /** The policy that was in force when the step began. */
  readonly policy: { readonly version: number; readonly sha256?: string }
  readonly grants: readonly string[]
  readonly egress: readonly string[]
  /** Ports of the runner's own localhost that it was let to. */
  readonly services: readonly number[]
  readonly approvals: readonly ApprovalFact[]
  /** What the gateway allowed and refused, as in `step.finished`. */
  readonly operations: {
    readonly granted: readonly CountedFact[]
    readonly denied: readonly (CountedFact & { readonly reason: string })[]
  }
  readonly leases: readonly LeaseFact[]
  readonly materials: readonly Material[]
  /** Further ones that were not kept. */
  readonly materialsOmitted?: number
  /** It may have had others: a server that carried them died before it had recorded them. */
  readonly materialsIncomplete?: true
  /** Which files of `reported.inputs` an earlier step of the run handed on, by the server's record, each digest once. */
  readonly handedOn?: readonly HandedOn[]
  readonly published: readonly PublishedArtifact[]
  /** What the server had of the step's log when it ended. */
  readonly log?: { readonly bytes: number; readonly sha256: string }
  /** The bill of materials made of this step, if one was signed: SHA-256 in hex of its statement. */
  readonly sbomSha256?: string
  readonly reported: ReportedFacts
}

/** The CI job, from its verified identity token. */
export interface VerifiedJob {
  /** Its issuer's name in mayfly.yaml, and its URL. */
  readonly issuer: string
  readonly issuerUrl: string
  /** As trust rules name them; those that name a person (actor, actor_id, a subject with them) are left out by the builders. */
  readonly attributes: Readonly<Record<string, string>>
  /** Where the sources are (`https://github.com/octo-org/app`), as the certificate's claim sourceRepositoryURI. */
  readonly sourceUri?: string
  /** Who triggered it: the pseudonym (`per_...`) that the audit log has. */
  readonly person?: string
}

/** A yes that the session, or an operation of the step, needed. */
export interface ApprovalFact {
  readonly id: string
  readonly group?: string
  /** Pseudonyms (`per_...`), never names; one for each that said yes. */
  readonly people: readonly string[]
  readonly atMs: number
  /** `session`, or the operation as it was asked. */
  readonly of: string
  /** Indexes of the entries of the audit log in which they said so. */
  readonly entries?: readonly number[]
}

export interface CountedFact {
  readonly what: string
  readonly count: number
}

/** A credential that was issued for the step: used by the gateway, or handed to the step. Never a value. */
export interface LeaseFact {
  readonly id: string
  readonly connection: string
  /** As the row has it: `static`, `trusted_publishing`, or who minted it. */
  readonly kind: string
  readonly grant: string
  readonly issuedMs: number
  readonly expiresMs: number
  readonly revokedMs?: number
  readonly reason?: string
}

/** Something that the step took in through the gateway, whose digest held. */
export interface Material {
  /** A package URL; for a commit `git+https://host/path@REF`. */
  readonly uri: string
  /** By algorithm as in-toto names them (sha256, sha512, gitCommit), in lower-case hex. */
  readonly digest: Readonly<Record<string, string>>
  /** Digest as the protocol has it, if that is none of these: Go's `h1:BASE64`. */
  readonly integrity?: string
  /** What named the digest: lockfile, digest, registry, signature, sumdb, none; of a commit `server`: the Git server's word. */
  readonly by: string
  readonly connection: string
  /** Read to choose a version, and not the package. */
  readonly part?: true
}

/** A file that a step of the run declared, or a registry took from it; the step had ended with success before this one began. */
export interface HandedOn {
  /** In hex. */
  readonly sha256: string
  /** The id of the step. */
  readonly step: string
  /** All that it took in itself was verified, and so in turn what earlier steps handed to it. */
  readonly dependencies?: 'verified'
}

/** What a registry took from the step, with the digest of the bytes that were sent. */
export interface PublishedArtifact {
  /** A package URL; of an image with its repository. */
  readonly name: string
  /** `sha256:HEX`. */
  readonly digest: string
  readonly connection: string
  readonly bytes?: number
  readonly tags?: readonly string[]
}

/** A file as the supervisor hashed it. */
export interface ReportedFile {
  readonly path: string
  /** SHA-256 in hex. */
  readonly sha256: string
  readonly bytes: number
}

/** What the supervisor said. It masked secrets before. */
export interface ReportedFacts {
  readonly name: string
  readonly tier: 'B' | 'C' | 'E'
  readonly engine?: string
  readonly image?: string
  /** As shown to people, masked. */
  readonly command: string
  readonly workspace?: { readonly kind: string; readonly id: string }
  readonly exitCode?: number
  readonly signal?: string
  readonly durationMs?: number
  readonly script?: { readonly text: string; readonly of: 'run' | 'argv'; readonly sha256?: string }
  readonly limit?: string
  readonly limitsHeldBy?: string
  readonly programs?: {
    readonly seen: readonly { readonly program: string; readonly looks: number }[]
    readonly looks: number
    readonly more: number
  }
  readonly log?: { readonly bytes: number; readonly sha256: string }
  /** What it declared, all of it; SHA-256 of the list, as `finish` has it. */
  readonly artifacts: readonly ReportedFile[]
  readonly artifactsSha256?: string
  /** How many it declared, if the list is not known: then `artifacts` is empty. */
  readonly artifactsCount?: number
  /** Of earlier steps of the run. `sha256` of the list where there are more than are named. */
  readonly inputs: readonly ReportedFile[]
  readonly inputsCount?: number
  readonly inputsSha256?: string
  readonly secretsSeen?: readonly { readonly name: string; readonly count: number }[]
  readonly directAttempts?: number
}

/** An entry of the audit log about the step, with its place and proof. */
export interface ProvenEntry {
  readonly index: number
  readonly bytes: Uint8Array
  /** From the leaf's sibling up, in the tree of the checkpoint. */
  readonly hashes: readonly Uint8Array[]
}

/** What a receipt takes from the audit log: entries of the step in their order, all proved under one checkpoint. */
export interface LogProofs {
  /** The log's verifier key (vkey). */
  readonly key: string
  /** The signed note as it was published. */
  readonly checkpoint: string
  readonly entries: readonly ProvenEntry[]
  /** Further ones of the step that there was no room for. */
  readonly omitted?: number
}
