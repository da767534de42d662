import type { Receipt } from './receipt.ts'

/** What can be wrong with a log's folder. Stable: scripts match on these. */
export type FolderProblemKind =
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
  | 'unreadable'

export interface FolderProblem {
  kind: FolderProblemKind
  /** The file, relative to the folder, or the entry or checkpoint. */
  where: string
  message: string
}

export type FolderVerdict =
  | { ok: true; size: number; rootHash: string; checkpoints: number }
  | { ok: false; problem: FolderProblem }

export interface VerifyFolderOptions {
  /** Signed checkpoints that were seen elsewhere: a folder whose history was rewritten as a whole contradicts them. */
  known?: readonly string[]
  /** Receipts that clients hold: each has to stand in the folder at its index. */
  receipts?: readonly Receipt[]
}

export function problemOf(kind: FolderProblemKind, where: string, message: string): FolderProblem {
  return { kind, where, message }
}
