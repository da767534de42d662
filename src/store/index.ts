/**
 * What must survive a restart: sessions, steps, leases, sealed secrets, policies, API tokens, one-shot ids.
 * Knows no plaintext secret and decides nothing.
 * Invariant: a `write` that resolved is on disk.
 */
export { isDuplicate } from './failures.ts'
export { isOutdated } from './migrations.ts'
export { startCheckpoints } from './checkpoints.ts'
export { openStore } from './store.ts'
export { insertOnce, insertRow, upsertRow } from './statement.ts'
export type { Run, Store } from './store.ts'
export type { Statement } from './statement.ts'
export type { AttestationKind, Tables } from './schema.ts'
