/**
 * What was found in what steps sent, as the audit log says it: who asks is answered from entries that the log's checkpoint signs, and
 * from nothing else, so that every reader of one log says the same.
 *
 * It keeps the newest findings in memory, reads what the log has had since, and says so where it cannot.
 *
 * Invariant: each finding stands in an entry of the log, and has no more of it than that entry.
 */
export { createFindings, type Findings, type FindingsPage } from './findings.ts'
export type { FindingInBuild, FindingsQuery } from './model.ts'
