/**
 * Finds entries of a verified log by who, what, where and when, fast in a log of any length: an index says which bundles may
 * hold an answer, and each bundle is read and held against the checkpoint before an entry of it is given.
 *
 * The index is made of verified entries alone, holds no name of a person, and can be thrown away at any time.
 *
 * Invariant: what is found stands in the log. What is not found does not stand in it, as far as the index is what was written.
 */
export { openSearch, type Found, type Query, type Search, type UnknownValue } from './search.ts'
export type { TermKind } from './terms.ts'
export type { FoundRun } from './runs.ts'
