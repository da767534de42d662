import type { Receipt } from './receipt.ts'
import type { TlogPolicy } from './tlog-policy.ts'

/** What can be wrong with a log. Stable: scripts match on these. */
export type LogProblemKind =
  | 'wrong_key'
  | 'bad_signature'
  | 'wrong_origin'
  | 'checkpoint_missing'
  | 'checkpoint_malformed'
  | 'checkpoint_rolled_back'
  | 'checkpoint_contradicted'
  | 'root_mismatch'
  | 'entry_changed'
  | 'entries_swapped'
  | 'entries_cut'
  | 'tile_changed'
  | 'tile_cut'
  | 'tile_missing'
  | 'receipt_contradicted'
  | 'receipt_unpublished'
  | 'no_quorum'
  | 'unreadable'

export interface LogProblem {
  kind: LogProblemKind
  /** The file, relative to the log, or the entry or checkpoint. */
  where: string
  message: string
}

export type LogVerdict =
  | {
      ok: true
      size: number
      rootHash: string
      checkpoints: number
      /** When the newest checkpoint was signed, POSIX seconds, by the log's clock. */
      timeSeconds: number
      /** Who cosigned it, where a policy was handed in. */
      witnesses: { name: string; timeSeconds: number }[]
    }
  | { ok: false; problem: LogProblem }

export interface VerifyLogOptions {
  /** One of its logs it has to be, and the newest checkpoint cosigned by a quorum of its witnesses. */
  policy?: TlogPolicy
  /** Signed checkpoints that were seen elsewhere: a log whose history was rewritten as a whole contradicts them. */
  known?: readonly string[]
  /** Receipts that clients hold: each has to stand in the log at its index. */
  receipts?: readonly Receipt[]
  /** Handed every entry, in order. That they are the log's is known only from the answer: until then believe none. */
  onEntry?: (index: number, bytes: Uint8Array) => Promise<void> | undefined
}

export function problemOf(kind: LogProblemKind, where: string, message: string): LogProblem {
  return { kind, where, message }
}
