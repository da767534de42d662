import type { MayflyError } from '../../lib/index.ts'
import type { AtStepEnd, Step, StepOutcome } from '../../broker/index.ts'
import type { AttestationKind } from '../../store/index.ts'
import type { Demands, Verified } from '../verify/index.ts'

/** What a supervisor is handed at the end of its step. */
export interface HandedBundle {
  readonly kind: AttestationKind
  /** Undefined for `sums`, which is about the bytes of `text`. */
  readonly predicateType?: string
  /** JSON text of a Sigstore bundle. */
  readonly bundle: string
  readonly text?: string
}

export interface Handed {
  readonly bundles: readonly HandedBundle[]
  /** Some are made later. */
  readonly pending: boolean
  /** Why some never are. */
  readonly failures: readonly string[]
}

export interface StoredAttestation extends HandedBundle {
  readonly id: string
  /** Undefined for a verification summary, which is of no run and no step. */
  readonly runId?: string
  readonly stepId?: string
  readonly logIndex: number
  readonly createdMs: number
}

/** Attestations in the order in which they were made, from behind `after`. */
export interface Page {
  readonly found: readonly StoredAttestation[]
  /** There are more behind this one. */
  readonly next?: string
}

export interface Query {
  /** `sha256:HEX`. */
  readonly digest?: string
  readonly runId?: string
  readonly stepId?: string
  readonly predicateType?: string
  /** Only those of jobs that could meet these. */
  readonly demands?: JobDemands
  readonly after?: string
  readonly limit?: number
}

/** What is known of a job by its verified identity, and of its role. */
export type JobDemands = Pick<
  Demands,
  'issuer' | 'repository_id' | 'owner_id' | 'repository' | 'ref' | 'role' | 'identity'
>

/** What somebody looks for: what he demands of it, and in which run he asks. */
export interface Asked {
  readonly demands: Demands
  readonly runId?: string | undefined
}

/** One line of what is due, signed or failed. */
export interface AttestationState {
  readonly id: string
  readonly kind: AttestationKind
  readonly state: 'kept' | 'due' | 'signed' | 'failed'
  readonly runId?: string
  readonly stepId?: string
  readonly predicateType?: string
  readonly createdMs: number
  readonly signedMs?: number
  readonly dueMs?: number
  readonly attempts: number
  readonly failure?: string
  readonly removedMs?: number
}

export interface StatesQuery {
  readonly runId?: string
  readonly stepId?: string
  readonly state?: AttestationState['state']
  readonly before?: string
  readonly limit?: number
}

export interface AttestCounts {
  readonly due: number
  /** Due for longer than a minute, and tried. */
  readonly late: number
  readonly failed: number
  readonly signed: number
  /** Since when the oldest is due, and why it was not signed so far. */
  readonly sinceMs?: number
  readonly why?: string
}

/**
 * Attestations of steps: what is due is written with the step's end, and signed as soon as that can be; killed at any point,
 * it goes on where it stopped, and one bundle is ever handed out for a kind and step.
 */
export interface Attestor {
  /** For the broker: what is to be signed of a step, in the transaction that ends it. */
  readonly atEnd: AtStepEnd
  /**
   * The same as `atEnd` and `handed`, while the step still has its leases: its gate is shut, and its end is said. Its end then keeps what
   * was signed here.
   */
  beforeEnd(step: Step, outcome: StepOutcome, waitMs: number): Promise<Handed>
  /** Signs what is due of a step that has ended, for so long; what is not done by then is done later. */
  handed(stepId: string, waitMs: number): Promise<Handed>
  /** Those that may be handed out. */
  find(query: Query): Promise<Page>
  /** Page by page, what could meet the demands first: whoever asks goes on until it does. */
  about(digest: string, asked: Asked): AsyncIterable<readonly StoredAttestation[]>
  /** What the run has about this digest; waits, for so long, for what is due. Without a digest: of the whole run. */
  ofRun(runId: string, digest: string | undefined, waitMs?: number): Promise<RunAttestations>
  /** The newest first; `next`: there are more before this one. */
  states(
    query: StatesQuery,
  ): Promise<{ readonly states: readonly AttestationState[]; readonly next?: string }>
  /** Asks for the receipt of a step that has ended; waits for it, for so long. */
  receipt(stepId: string, waitMs: number): Promise<StoredAttestation | 'pending' | MayflyError>
  /** Tries again at once what waits or has failed: of one attestation, or of all. Returns how many. */
  retry(id?: string): Promise<number>
  counts(): Promise<AttestCounts>
  /** Holds artifacts against demands; signs what came of it, if that is asked for. Throws `bad_input`, `conflict`. */
  verify(request: VerifyRequest): Promise<readonly VerifiedArtifact[]>
  /** Signs what is due, and removes what is kept no longer. Called every second. */
  work(): Promise<void>
  close(): Promise<void>
}

/** Artifacts that are to be verified by the server, and what has to be so. */
export interface VerifyRequest {
  readonly artifacts: readonly {
    /** `sha256:HEX`. */
    readonly digest: string
    readonly name?: string
    readonly resourceUri?: string
  }[]
  readonly demands: Demands
  /** Of its text, SHA-256 in hex. */
  readonly policy: { readonly uri: string; readonly sha256: string }
  /** JSON of bundles that are not kept here. */
  readonly bundles: readonly string[]
  /** Trusted roots of elsewhere (Sigstore's form), in place of ours. */
  readonly trustedRoots: readonly unknown[]
  /** Of what a verification summary is signed. */
  readonly sign: 'never' | 'passed' | 'always'
  /** Who asks, as the audit log has them. */
  readonly asked: Readonly<Record<string, unknown>>
}

export interface VerifiedArtifact {
  readonly digest: string
  readonly ok: boolean
  readonly reasons: readonly string[]
  readonly by?: Verified
  readonly summary?: { readonly id: string; readonly is: StoredAttestation | 'pending' | MayflyError }
}

export interface RunAttestations {
  readonly found: readonly StoredAttestation[]
  /** Some that are due about it were not signed in time. */
  readonly pending: boolean
}
