/**
 * Looks for secrets in all that a source yields, in threads of its own. Nothing that is scanned ends the process or a scan: what ends or holds up
 * a thread is told as unseen, and the rest goes on.
 * Invariant: each part of each batch is looked at, or told to `unseen`, or the scan throws.
 */
export type { AskKnown, KnownPlace } from './ask-known.ts'
export type { Looked, ScanSettings, Told, UnseenPart } from './model.ts'
export { createScanner, type Scanner, type ScannerOptions } from './scanner.ts'
