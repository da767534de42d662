/** One secret that was found in one thing that a step sent. */
export interface FindingInBuild {
  /** The number of its entry in the log and its own there, `1042.0`: the same for whoever reads this log. */
  readonly id: string
  readonly entry: number
  readonly timeMs: number
  readonly run: string | undefined
  readonly session: string | undefined
  readonly step: string | undefined
  readonly role: string | undefined
  readonly repository: string | undefined
  readonly ref: string | undefined
  readonly commit: string | undefined
  /** Who triggered the job: a pseudonym of the log, `per_...`. */
  readonly triggeredBy: string | undefined
  /** `push`, `packages`, `images`, `output`, `artifacts`. */
  readonly place: string
  readonly connection: string | undefined
  /** What was sent: `octo/app@refs/heads/main`, `pkg:npm/core@1.0.0`. */
  readonly operation: string | undefined
  /** The supervisor says so, and the server did not see it. */
  readonly isReported: boolean
  /** `refused`, `approved`, `passed`, `masked`. */
  readonly decision: string
  readonly approval: string | undefined
  readonly found: FoundWhat
  readonly path: string
  /** 0 where the entry has none. */
  readonly line: number
  readonly fingerprint: string
}

export type FoundWhat =
  | { readonly rule: string; readonly confidence: string }
  | { readonly secret: string; readonly version: number; readonly isCertain: boolean }
  | { readonly credentialOf: string; readonly isCertain: boolean }
  /** So many further ones, of which the entry has the number alone: no path, no fingerprint. */
  | { readonly more: number }

/** What a vendor said of it, or that it was ended there. */
export interface SeenAlive {
  readonly state: string
  readonly timeMs: number
}

/** All that is given has to match. */
export interface FindingsQuery {
  readonly run?: string | undefined
  readonly role?: string | undefined
  readonly rule?: string | undefined
  readonly secret?: string | undefined
  readonly fingerprint?: string | undefined
  /** A fingerprint of a finding by rule matches nothing: whoever asks is not to try guesses by it. */
  readonly onlyKeyed?: boolean
  readonly sinceMs?: number | undefined
}
