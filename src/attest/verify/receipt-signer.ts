import { createAgreement } from './receipt-agreement.ts'
import { fieldsIn, type ReadReceipt } from './receipt-form.ts'
import type { Signer } from './model.ts'

/** Who signed a receipt, and whether it was under a root that signs for Mayfly alone. */
export interface ReceiptSigner {
  readonly signer: Signer
  readonly own: boolean
}

/** Claims of a certificate that a receipt has, too: names of a certificate by names of the receipt. */
const claims: Readonly<Record<string, string>> = {
  repository_id: 'sourceRepositoryIdentifier',
  ref: 'sourceRepositoryRef',
  commit: 'sourceRepositoryDigest',
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
  if (signer.kind === 'key') return undefined
  const identity = fieldsIn(predicate['identity'])
  const attributes = fieldsIn(identity['attributes'])
  const agreement = createAgreement()
  agreement.same('identity.issuerUrl', identity['issuerUrl'], signer.identity.issuer)
  for (const [name, claim] of Object.entries(claims)) {
    const said = signer.identity.claims[claim]
    if (said !== undefined) agreement.same(name, attributes[name], said)
  }
  if (agreement.problems.length === 0) return undefined
  return 'its certificate is of another job than the one that it is about'
}
