/**
 * The HTTP API: token endpoint, steps, approvals, operators, probes. A route table with one schema for checking, types
 * and OpenAPI; one form of error; the few pages that people need to sign in and approve. Refuses bodies that no schema
 * knows and callers that cannot prove who they are.
 * Invariant: whoever calls is authenticated before the handler runs, and every answer carries a request id.
 */
export { finishSeal } from './finish-seal.ts'
export type { EndSessions } from './finish-seal.ts'
export { createHealth } from './health.ts'
export { createMetrics } from './metrics.ts'
export { missingSecrets } from './missing-secrets.ts'
export { createApiServer } from './server.ts'
export { startSealedServer } from './sealed-server.ts'
export type { ApiServer } from './server.ts'
