/**
 * Gives secrets new values: on their schedule, when somebody says so, and when one is compromised. What a kind of upstream
 * needs for it is one file under `rotators`.
 *
 * It refuses to use a new value that was not seen to work, and to end an old one while a step has it.
 *
 * Invariant: before an upstream is asked for anything, what finds its doing again is durable; at each moment the value in use
 * works, and at most two are alive.
 */
export type { ShownCompromise } from './compromise.ts'
export { createSecretRotation } from './rotation.ts'
export type { Row as RotationRow } from './records.ts'
export type { SecretRotation, Shown } from './rotation.ts'
export { markMissed, type MissedCompromise } from './missed.ts'
export { createCommands } from './commands.ts'
