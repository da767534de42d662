/**
 * Pipeline files of eight CIs, read into one model with the places of everything in the source, so that what is wrong can be pointed at
 * and a file can be rewritten in place. Runs nothing of what it reads, follows no link out of the checkout, and asks no network.
 * Invariant: what of a file was not read is among its `problems`; a file without problems was read to its end.
 */
export type * from './model.ts'
export { createPositions, type Position } from './read/position.ts'
export { readPipeline } from './read/read-pipeline.ts'
export { referencesOf } from './read/file-parts.ts'
export { readCheckout, type Checkout, type Unread } from './read/read-checkout.ts'
export { placeOf } from './read/places.ts'
export type { Ignored, PipelineFinding, ToolName } from './lint/finding.ts'
export type { RuleAbout } from './lint/rule.ts'
export { findMistakes, pipelineRules, type FindLiterals } from './lint/lint.ts'
export { reportOf, type LintReport } from './lint/report.ts'
export { runTools, type ToolRun } from './tools/tools.ts'
export type { Replacement } from './replace/replacement.ts'
export { replacementOf } from './replace/replace.ts'
export { readOne } from './read/read-one.ts'
export { applyEdits, type Edit } from './migrate/edits.ts'
export { unifiedDiff } from './migrate/diff.ts'
export { migrateFiles } from './migrate/migrate.ts'
export { readersOf, type Reader } from './migrate/still-read.ts'
export { knownPins, pinKey } from './migrate/pins.ts'
export { saidIn } from './migrate/said.ts'
export { draftPolicyText, grantText, type PolicyDraft } from './migrate/policy.ts'
export type { Ask, Migration, Project } from './migrate/model.ts'
export { remoteFrom } from './survey/remotes.ts'
export { surveyProject, surveyUses } from './survey/project.ts'
export type { Use } from './survey/uses.ts'
export {
  firstRoles,
  isIssuing,
  issuerForms,
  issuerOf,
  issuingCis,
  type Answers,
  type IssuingCi,
} from './survey/first-policy.ts'
export type { RepositoryFacts } from './migrate/model.ts'
