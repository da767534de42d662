import { isOfOtherJob, jobOfReceipt, otherJob } from './job-signer.ts'
import type { Signer } from './model.ts'
import type { ReadReceipt } from './receipt-form.ts'

/** Who signed a receipt, and whether it was under a root that signs for Mayfly alone. */
export interface ReceiptSigner {
  readonly signer: Signer
  readonly own: boolean
}

/**
 * Why it may not be the one who signs this. Under a root of others (the public Sigstore) everybody who has a job there signs, and may
 * write a receipt about a step that never was. Under its own, Mayfly signs for one job what one of its own steps did.
 */
export function signerProblem(
  { predicate }: ReadReceipt,
  { signer, own }: ReceiptSigner,
): string | undefined {
  if (!own)
    return 'it was signed under a root that others sign under, too: anybody of them may have written it'
  return isOfOtherJob(jobOfReceipt(predicate), signer) ? otherJob : undefined
}
