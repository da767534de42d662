/**
 * The HTTP API: token endpoint, steps, approvals, operators, probes. A route table with one schema for checking, types
 * and OpenAPI; one form of error; the few pages that people need to sign in and approve. Refuses bodies that no schema
 * knows and callers that cannot prove who they are.
 * Invariant: whoever calls is authenticated before the handler runs, and every answer carries a request id.
 */
export { createApiTokens, scopes } from './api-tokens.ts'
export type { ApiTokens, Scope } from './api-tokens.ts'
export { compileDocument, failedTests, issuerFactsOf, subjectOf } from './compile-document.ts'
export type { CompiledDocument } from './compile-document.ts'
export { createApprovals } from './approval/approvals.ts'
export { createNotifications } from './approval/notifications.ts'
export { createWebhookSender } from './approval/webhook.ts'
export { createCliLogin } from './operators/cli-login.ts'
export { createOperatorAccess } from './operators/access.ts'
export { createOperatorSessions } from './operators/sessions.ts'
export { createSignIn } from './operators/sign-in.ts'
export { createHealth } from './health.ts'
export { createMetrics } from './metrics.ts'
export { createRules } from './rules.ts'
export type { RulesHolder } from './rules.ts'
export { createApiServer } from './server.ts'
export type { ApiServer } from './server.ts'
