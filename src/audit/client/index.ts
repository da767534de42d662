/**
 * How every other process writes to the audit log: an event goes in, a verified receipt comes back.
 *
 * It refuses to answer without a receipt: a log that is unreachable, full, or not the one whose key it was given
 * is an error, so that whoever waits for the receipt before using a credential fails closed. It holds the append
 * token and the log's public key, nothing else, and keeps nothing on disk.
 *
 * Invariant: `append` resolves only with a receipt that the log's key signed for exactly these bytes.
 */
export { type AuditClient, type AuditClientOptions, createAuditClient } from './client.ts'
export { createAgent, exchange, type HttpAnswer } from './request.ts'
export type { AuditEvent } from './event.ts'
export { createRunNumbers, type RunNumbers, type RunState } from './run-numbers.ts'
export { forgetNames, personal, pseudonym, type PeopleDirectory } from '../people/index.ts'
export { readSince, recogniseLog, type Recognition, type RememberedEntry, type Since } from './recognise.ts'
export type { Receipt } from '../verify/index.ts'
