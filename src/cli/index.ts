/**
 * The commands of `mayfly`, one file each. They parse, call and print; what they do is in the rooms below.
 * Invariant: an error is one line on standard error and an exit code that says what kind it was.
 */
export { readText } from './audit-file.ts'
export { readTlogPolicy } from './audit-source.ts'
export { print } from './output.ts'
export { runProgram } from './program.ts'
export type {
  AuditForwardArguments,
  AuditLogArguments,
  RecoverTokenArguments,
  Starters,
  UpArguments,
  WitnessArguments,
} from './process-commands.ts'
