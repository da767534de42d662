/**
 * Checks an audit log from its public bytes and its public key alone: C2SP tlog-tiles, signed-note and
 * tlog-checkpoint (https://c2sp.org), RFC 6962 hashing, and Mayfly's receipts.
 *
 * It refuses to trust: the machine that ran the log, the log's private state, file names, lengths. It never
 * writes, never opens a socket and imports nothing but Node's own crypto and file reading.
 *
 * Invariant: `ok` is answered only for what was recomputed from entry bytes and found under a signature of the
 * given key. Whatever is wrong comes back as a value that names it; only misuse by the caller throws.
 */
export * from './bundle.ts'
export * from './checkpoint.ts'
export * from './entry-type.ts'
export { verifyFolder } from './folder.ts'
export type {
  FolderProblem,
  FolderProblemKind,
  FolderVerdict,
  VerifyFolderOptions,
} from './folder-problem.ts'
export * from './hash.ts'
export * from './key.ts'
export * from './note.ts'
export * from './proof.ts'
export { readEntries } from './read-entries.ts'
export * from './receipt.ts'
export * from './tile-path.ts'
export * from './tree.ts'
