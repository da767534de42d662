/**
 * The private half of the log's formats: keys, signed notes, receipts, cosignatures. For the log and the witness,
 * and nobody else; what they sign is checked with `audit/verify`.
 */
export * from './signer.ts'
export * from './texts.ts'
