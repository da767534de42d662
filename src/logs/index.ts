/**
 * What steps showed, masked, as their runners send it: kept for as long as the policy says, and read by operators.
 * Decides nothing, looks into nothing of it, and knows no people.
 * Invariant: what is sealed is named by the SHA-256 of its bytes and is there whole; the entry of the step's end has the same.
 */
export { createFolderStorage } from './folder-storage.ts'
export type { LogStorage } from './log-storage.ts'
export { graceMs } from './retention.ts'
export { createStepLogs } from './step-logs.ts'
export type { LogLimits } from './log-limits.ts'
export type { LogDigest, StepLogs } from './step-logs.ts'
