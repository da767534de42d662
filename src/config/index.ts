/**
 * What people write (mayfly.yaml, pipeline files) and what the environment holds, read strictly.
 * Refuses unknown and duplicate keys, aliases, and anything the schema does not name, with file:line:column.
 * `environment.ts` is a door of its own: the commands that only need the environment load no schema.
 * Invariant: what comes out of `parseConfig` satisfies its schema; nothing else reads YAML or `process.env`.
 */
export type { PermissionName } from './approval-schema.ts'
export * from './attest-schema.ts'
export { operatorProblems, partsOf } from './approval-check.ts'
export type { CredentialSchema, DeliverConfig } from './credential-schema.ts'
export { demandsSchema } from './demands-schema.ts'
export * from './document.ts'
export { withPort, type EgressEntry } from './egress-schema.ts'
export { grantTextOf, type GrantEntry } from './grant-schema.ts'
export type { HoneyConfig, HoneyFileKind, HoneyTokenKind } from './honey-schema.ts'
export type { EgressProxyConfig } from './egress-proxy-schema.ts'
export * from './forward-schema.ts'
export { gcpAudience } from './gcp-service-account-schema.ts'
export * from './limits-schema.ts'
export { ageMs } from './package-rules-schema.ts'
export { cacheBytes } from './cache-schema.ts'
export { logLimits } from './logs-schema.ts'
export { recordingLimits } from './recordings-schema.ts'
export { isForCredentials } from './plain-url.ts'
export * from './policy-bundle.ts'
export { trustFilesOf, trustIn, withTrustFiles } from './trust-files.ts'
export { durationSeconds } from './name-schema.ts'
export {
  longMs,
  charactersOf,
  parseCron,
  rotationSchema,
  type RotationConfig,
  type RotatorConfig,
  type RotatorName,
} from './rotation-schema.ts'
export { readPolicyFiles } from './policy-folder.ts'
export * from './issuer-schema.ts'
export * from './pipeline-schema.ts'
export * from './pipeline.ts'
export { parseCondition, type Condition, type ConditionFacts } from './condition.ts'
export * from './policy-schema.ts'
export * from './policy-tests-schema.ts'
export { sizeBytes, type Allowance } from './sandbox-schema.ts'
export type { SecretStoreConfig } from './secret-stores-schema.ts'
export type { SecretConfig } from './secrets-schema.ts'
export { type ScanAction, type ScanConfig, type ScanPlace } from './scan-schema.ts'
export { secretName, secretReference } from './secret-reference.ts'
export * from './trust-schema.ts'
export * from './vault-schema.ts'
export { verifyPolicySchema } from './verify-policy-schema.ts'
