/**
 * What is said of a step, from plain facts: SLSA provenance, step receipts, bills of materials, verification summaries. It
 * signs nothing, reads no store and no clock. Invariant: the same facts give the same bytes, and no text that a step, an
 * upstream or a file chose stands in another field than its own.
 */
export * from './facts.ts'
export { encodeStatement } from './encode.ts'
export { provenanceOf } from './provenance.ts'
export { receiptOf } from './receipt.ts'
export { sbomOf } from './sbom.ts'
export { vsaOf, type VerificationFacts } from './vsa.ts'
