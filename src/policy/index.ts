/**
 * Roles -> Cedar; who may assume a role, and what a session in it may do.
 * Refuses, when it is loaded, any rule that every repository of a shared issuer could satisfy.
 * Invariant: what no grant allows is denied, and every denial says what is missing.
 */
export { cedarSchemaText } from './cedar-schema.ts'
export { connectionKinds, draftPolicy } from './draft.ts'
export {
  describeOperation,
  isOfConnection,
  parseOperation,
  splitGrant,
  unnamedOperation,
  writtenGrant,
} from './grant.ts'
export { lint, lintRules } from './lint/index.ts'
export type { LintFinding, LintRule, Severity } from './lint/index.ts'
export { readPast } from './past.ts'
export type { Past, PastEntry, PastOperations } from './past.ts'
export { replay } from './replay.ts'
export type { Change, Replay } from './replay.ts'
export { isSurelyReviewed } from './shadow.ts'
export { reportShadow } from './shadow-report.ts'
export { suggestRoles, suggestionYaml } from './suggest.ts'
export type { Suggestion } from './suggest.ts'
export type { Conditions, Grant, Operation, ProvenanceDemand } from './grant.ts'
export { runPolicyTests } from './policy-tests.ts'
export type { DescribedJob, JobReading, PolicyTestOutcome } from './policy-tests.ts'
export { compilePolicy } from './policy.ts'
export type { Allowed, Assumption, Compiled, Decision, DecisionSubject, Denied, Policy } from './policy.ts'
export type { Role, StepLimits } from './role.ts'
export type { ScanRules } from './scan.ts'
export {
  describeDenials,
  describeMismatches,
  egressPatch,
  explain,
  nearestRole,
  shortenMismatches,
} from './explain.ts'
export type { Explanation, OperationExplanation } from './explain.ts'
export { explanationLines } from './explain-text.ts'
export { pinsSubject } from './trust.ts'
export { impossible } from './issuer-facts.ts'
export type { IssuerFacts } from './issuer-facts.ts'
export type { Mismatch, TrustSubject } from './trust.ts'
