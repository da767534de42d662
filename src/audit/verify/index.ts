/**
 * Checks an audit log from its public bytes and its public key alone: C2SP tlog-tiles, signed-note,
 * tlog-checkpoint, tlog-cosignature, tlog-policy and tlog-proof (https://c2sp.org), RFC 6962 hashing, Mayfly's receipts.
 *
 * It refuses to trust: the machine that ran the log, the log's private state, file names, lengths. It imports nothing at
 * all, so the same files run in Node and in browsers; what reads folders is in `node.ts`.
 *
 * Invariant: `ok` is answered only for what was recomputed from entry bytes and found under a signature of the
 * given key. Whatever is wrong comes back as a value that names it; only misuse by the caller throws.
 */
export * from './bundle.ts'
export * from './bytes.ts'
export * from './checkpoint.ts'
export * from './consistency-proof.ts'
export * from './cosignature.ts'
export * from './entry.ts'
export * from './entry-type.ts'
export * from './hash.ts'
export * from './key.ts'
export { verifyLog } from './log.ts'
export type { LogProblem, LogProblemKind, LogVerdict, VerifyLogOptions } from './log-problem.ts'
export * from './note.ts'
export * from './proof.ts'
export * from './prove.ts'
export { type Bundles, openBundles, publishedSize, readEntries } from './read-entries.ts'
export * from './receipt.ts'
export { httpSource, type LogSource } from './source.ts'
export { createTileHashes, type TileHashes } from './tile-hashes.ts'
export * from './tile-path.ts'
export * from './runs.ts'
export * from './tlog-policy.ts'
export * from './tlog-proof.ts'
export * from './tree.ts'
