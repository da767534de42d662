/**
 * Verifies attestations from their bytes and a trusted root alone: Sigstore bundles of version 0.3 (DSSE with an in-toto statement, or
 * the signature of a file), by a certificate or a key, with an RFC 3161 timestamp and an entry of a transparency log; and plain DSSE.
 * It asks nobody, and imports nothing but `node:crypto`.
 *
 * It refuses former formats (bundles before 0.3, other kinds of log entries, several signatures), and whatever two readers could take
 * for different things: names twice, unknown fields, BER, base64 with stray bits.
 *
 * Invariant: `ok` is answered only for what was signed by a trusted signer at a time that a trusted authority saw, whose very
 * signature stands in a trusted log, and none of whose keys was revoked before.
 */
export { boundJson } from './json.ts'
export { readStatement } from './statement.ts'
export { preAuthEncoding, statementType, verifyEnvelope } from './envelope.ts'
export {
  checkLimits,
  createBundleCheck,
  createBundleVerifier,
  type BundleCheck,
  type BundleVerifier,
} from './bundle-check.ts'
export { isAllVerified } from './claimed.ts'
export { demandsOf, type WrittenDemands } from './demand-reader.ts'
export { demandProblems, type DemandPlace, type DemandProblem } from './demand-rules.ts'
export type { Demands } from './demand-model.ts'
export { judge, predicateWords, type JudgeContext, type Judgement } from './demands.ts'
export { joinTrust, sha256Hex, trustKey } from './key.ts'
export { canonicalEntry, type EntryContent } from './log-entry.ts'
export type * from './model.ts'
export { readProvenance, type Provenance, type ResourceDescriptor } from './provenance.ts'
export { attributeNames } from './receipt-schema.ts'
export { checkReceipt, type CheckedReceipt, type ReceiptReason } from './receipt.ts'
export type { ReceiptSigner } from './receipt-signer.ts'
export { publicInstanceIn } from './shared-root.ts'
export { Refusal, type Refused, type VerifyReason } from './refusal.ts'
export {
  openTrustDocument,
  trustDocumentType,
  type OpenedTrust,
  type TrustDocument,
} from './trust-document.ts'
export { verifyTimestamp } from './timestamp.ts'
export { parseTrustedRoot } from './trusted-root.ts'
export { buildType, provenanceType, receiptType, sbomType, statementV1, summaryType } from './types.ts'
export { checkTimestamp, verifyBundle, verifyCertificate } from './verify.ts'
