/**
 * The policy in force: mayfly.yaml and the files beside it, compiled, versioned, changed one after the other. The commands
 * of the CLI compile and judge a policy by the same code as the server.
 *
 * It refuses a policy whose tests fail, and one applied over a version that its author had not seen.
 *
 * Invariant: what is in force is recorded in the log and stored before anybody is judged by it.
 */
export { compileDocument, failedTests, issuerFactsOf } from './compile-document.ts'
export { explainEgress, parseEgress } from './asked-egress.ts'
export { jobOf, jobOfToken, sortClaims } from './described-job.ts'
export type { CompiledDocument } from './compile-document.ts'
export type { Rules } from './compile-rules.ts'
export { policySource } from './policy-source.ts'
export { recordedClaims, recordedMismatches } from './recorded-claims.ts'
export { createRules } from './rules.ts'
export type { RulesHolder } from './rules.ts'
export { secretReferences } from './secret-references.ts'
