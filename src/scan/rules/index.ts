/**
 * What secrets look like: kinds as data, each from its vendor's published format, the checks that are no pattern (checksums,
 * structures), and text that looks like a secret of a kind for tests. Finds nothing by itself: `scan/engine` does.
 * Invariant: no kind is here without a source, and without examples that it finds and others that it does not.
 */
export { checks } from './checks/table.ts'
export { builtInRules } from './families.ts'
export { finders } from './finders.ts'
export { fillTemplate, seededRandom } from './templates.ts'
