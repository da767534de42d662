/** Why something was not accepted: stable, for programs. */
export type VerifyReason =
  // What was handed in.
  | 'too_large'
  | 'malformed'
  | 'name_twice'
  | 'unsupported_format'
  | 'several_signatures'
  | 'several_entries'
  | 'bad_statement'
  // Who signed.
  | 'bad_certificate'
  | 'untrusted_certificate'
  | 'outside_certificate'
  | 'unknown_key'
  | 'outside_key'
  | 'bad_signature'
  | 'other_message'
  | 'revoked'
  // When.
  | 'bad_timestamp'
  | 'untrusted_timestamp'
  | 'timestamp_of_other'
  | 'outside_authority'
  | 'in_future'
  // Where it is logged.
  | 'unknown_log'
  | 'outside_log'
  | 'bad_checkpoint'
  | 'not_in_log'
  | 'entry_of_other'
  // What is trusted.
  | 'bad_root'
  | 'wrong_root'
  | 'older_version'
  | 'expired'

/** Thrown by the readers and checks of this room, and by nothing else; `verifyBundle` and its like return it as a value. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: VerifyReason

  constructor(reason: VerifyReason, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.reason = reason
  }
}

export interface Refused {
  readonly ok: false
  readonly reason: VerifyReason
  /** A sentence for people. */
  readonly detail: string
}

/** What `check` gives, or its refusal as a value. */
export function answered<T>(check: () => T): T | Refused {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ok: false, reason: error.reason, detail: error.message }
  }
}
