import type { AuditEvent } from '../../audit/client/index.ts'
import type { Liveness, Revoked } from '../../scan/liveness/index.ts'
import type { Secret } from '../../lib/index.ts'
import type { Owner } from '../vault-secrets.ts'

/** A secret that rules found. */
export interface FoundKey {
  readonly rule: string
  /** As findings have it. */
  readonly fingerprint: string
  readonly secret: Secret
  readonly beside: string | undefined
}

/** Whoever wants to know. */
export interface Asker {
  /** Each has a share of what is asked: a person, a token, the steps of a role. */
  readonly who: string
  /** Their entries say for whom it was asked. */
  readonly entryOf: (type: string, data: Record<string, unknown>) => AuditEvent
}

/** What a text is that the vault knows: whoever tells of it has that in the log first. */
export interface Ours {
  readonly owner: Owner
  /** As a policy names it: 32 hex digits. */
  readonly fingerprint: string
  /** False: it could have been guessed, so that not even this is told. */
  readonly isCertain: boolean
}

/** `asked`: `now`, `before` (within the hour, at whichever server), or `no`: `why` says why not. */
export type Verified = Liveness & { readonly asked: 'now' | 'before' | 'no'; readonly ours?: Ours }

export type Ended = Omit<Revoked, 'state'> & {
  readonly state: Revoked['state'] | 'before' | 'not_asked'
  readonly ours?: Ours
}

/** Of a kind that the policy ends: whether it lives, and, if so, what came of its end. */
export interface Settled {
  readonly verified: Verified
  readonly ended?: Ended
}

/** `scan.verify` of the policy in force. */
export interface VerifyConfig {
  readonly kinds: readonly string[]
  readonly revoke: readonly string[]
  readonly at: Readonly<Record<string, string>>
}

/** Asks vendors about secrets that were found. */
export interface Verifier {
  config(): VerifyConfig | undefined
  /** Once an hour, of all servers together. Never rejects. */
  verify(key: FoundKey, asker: Asker): Promise<Verified>
  /** Never rejects. Two who do it at once, at whichever server, do it once. */
  revoke(key: FoundKey, asker: Asker): Promise<Ended>
  /** Both in one, as the policy says, with one place of what may be asked. Never rejects. */
  settle(key: FoundKey, asker: Asker): Promise<Settled>
  /** Records why what was to be asked, or ended, was not: once the store has it, no log that is down loses it. */
  recordOpen(key: FoundKey, asker: Asker, settled: Settled): Promise<void>
  /** Forgets answers that are over. Called every second. */
  sweep(): Promise<void>
}
