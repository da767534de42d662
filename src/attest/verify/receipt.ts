import {
  equalBytes,
  isFalselyCosigned,
  leafHash,
  parseBase64,
  parseEntry,
  parseVerifierKey,
  utf8,
  verifyCheckpoint,
  verifyInclusion,
  type Checkpoint,
  type Entry,
} from '../../audit/verify/index.ts'
import type { Statement } from './model.ts'
import { contradictions } from './receipt-entries.ts'
import { readReceipt, type ReadReceipt } from './receipt-form.ts'
import { signerProblem, type ReceiptSigner } from './receipt-signer.ts'

/** Why a receipt was not accepted: stable, for programs. */
export type ReceiptReason =
  /** It is no receipt of this version. */
  | 'malformed'
  /** Whoever signed it may not say this. */
  | 'other_signer'
  /** It is of another log than the one whose key was given. */
  | 'other_log'
  /** Its checkpoint is not signed by that log. */
  | 'bad_checkpoint'
  /** An entry is not where the receipt says, or not as it says. */
  | 'not_in_log'
  /** An entry is about another step. */
  | 'foreign_entry'
  /** An entry without which it says nothing is not there, or twice. */
  | 'missing_entry'
  /** What it says is not what its entries say. */
  | 'contradicted'

export type CheckedReceipt =
  | {
      readonly ok: true
      readonly step: string
      readonly run: string
      /** Of the log's state that it was held against. */
      readonly checkpoint: Checkpoint
      /** Its verifier key. If the caller gave none it is the receipt's own, which only the receipt's signer vouches for. */
      readonly logKey: string
      /** Entries that stand there word for word, with their places. */
      readonly entries: readonly { readonly index: number; readonly entry: Entry }[]
      /** All entries that it names are there word for word: what is in none of them is refused, and not unproved. */
      readonly isComplete: boolean
      /**
       * What it says without an entry that bears it out, the server's word alone: places in the predicate, as `credentials[0].revoked`
       * and all below them; `subject[1]` is one of the statement. Everything else was held against an entry. Safe to print.
       */
      readonly unproved: readonly string[]
    }
  | { readonly ok: false; readonly reason: ReceiptReason; readonly detail: string }

/**
 * Is what a step receipt says what the audit log says? `statement` is what `verifyBundle` found to be signed, `by` who signed it;
 * `logKey` the log's verifier key, from elsewhere than the receipt. Never throws for what a receipt holds.
 */
export async function checkReceipt(
  statement: Statement,
  options: { readonly logKey?: string; readonly by?: ReceiptSigner } = {},
): Promise<CheckedReceipt> {
  const receipt = readReceipt(statement)
  if (typeof receipt === 'string') return refused('malformed', receipt)
  const { audit } = receipt
  const stranger = options.by === undefined ? undefined : signerProblem(receipt, options.by)
  if (stranger !== undefined) return refused('other_signer', stranger)
  const verifier = parseVerifierKey(audit.key)
  if (verifier === undefined) return refused('malformed', 'the key of its log is none')
  if (options.logKey !== undefined && options.logKey.trim() !== audit.key)
    return refused('other_log', 'it is of another log than the one whose key was given')
  const verdict = await verifyCheckpoint(audit.checkpoint, verifier)
  if (!verdict.ok)
    return refused('bad_checkpoint', `the checkpoint of its log is not good: ${verdict.reason}`)
  if (await isFalselyCosigned(audit.checkpoint, verifier))
    return refused('bad_checkpoint', 'the checkpoint of its log is not good: bad_signature')
  const { checkpoint } = verdict
  if (audit.origin !== checkpoint.origin)
    return refused('malformed', 'it names another log than its checkpoint')
  const entries: { index: number; text: string; entry: Entry }[] = []
  for (const one of audit.entries) {
    const problem = placeProblem(one, checkpoint)
    if (problem !== undefined) return refused('not_in_log', `entry ${one.index}: ${problem}`)
    if (one.entry === undefined) continue
    const entry = parseEntry(utf8(one.entry))
    if (entry === undefined) return refused('malformed', `entry ${one.index} cannot be read`)
    entries.push({ index: one.index, text: one.entry, entry })
  }
  const isComplete =
    entries.length === audit.entries.length &&
    audit.omitted === undefined &&
    receipt.predicate['materialsIncomplete'] === undefined
  const found = contradictions(receipt, entries, isComplete)
  if ('reason' in found) return { ok: false, ...found }
  return {
    ok: true,
    ...{ step: receipt.step, run: receipt.run, checkpoint, logKey: audit.key, entries },
    isComplete,
    unproved: options.logKey === undefined ? ['audit.key', ...found.unproved] : found.unproved,
  }
}

function refused(reason: ReceiptReason, detail: string): CheckedReceipt {
  return { ok: false, reason, detail }
}

/** Why the entry does not stand in the log there. */
function placeProblem(
  { index, leafHash: hash, proof, entry }: ReadReceipt['audit']['entries'][number],
  { size, root }: Checkpoint,
): string | undefined {
  const leaf = parseBase64(hash)
  const hashes = proof.map(parseBase64)
  if (leaf === undefined || !hashes.every((one) => one !== undefined)) return 'its hashes are no base64'
  if (entry !== undefined && !equalBytes(leafHash(utf8(entry)), leaf)) return 'its text has another hash'
  return verifyInclusion({ index, size, leaf, root }, hashes) ? undefined : 'its proof does not hold'
}
