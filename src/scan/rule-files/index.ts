/**
 * Rules and allow lists that users write: `.mayfly/scan.yaml`, and the configuration of gitleaks. A rule is used only if it finds its
 * positive examples and none of its negative ones; what a file says that is not read is said by name.
 * Invariant: nothing that a file says makes reading it, or a scan with its rules, slow or endless; nothing is disabled or allowed without a
 * reason that the report shows.
 */
export { readGitleaksConfig } from './read-gitleaks.ts'
export { readRuleFile, type ReadRules } from './read-yaml.ts'
export { mergeRules, type MergedRules, type RuleSet, type UnseenEntry } from './rule-set.ts'
