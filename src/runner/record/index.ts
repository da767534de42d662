/**
 * What stands in the record of a step beside what the server sees itself: its log on the way to the server, and what the machine
 * says that it was and used.
 * Invariant: what is written here is masked already, and nothing that fails here changes how the step goes.
 */
export { scriptRecord, usageRecord } from './end-record.ts'
export type { ScriptRecord, UsageRecord } from './end-record.ts'
export { watchPrograms } from './programs.ts'
export type { ProgramsRecord } from './programs.ts'
export { createStepLog, textsAt, type Place, type SendPiece } from './step-log.ts'
export type { LogSummary, StepLog } from './step-log.ts'
