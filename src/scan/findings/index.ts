/**
 * From hits to findings: what people are told of a secret, without the secret. Says where it stands, masks it and all others beside it,
 * names it by a fingerprint that moves with it, and marks what a comment, an allow list or a baseline accepts.
 * Where an engine has run over a content:
 *
 *     const allow = createAllowList(entries, nowMs)                       // once
 *     const { findings, more } = findingsIn(content, hits, { nowMs, allow })   // all hits of the content, in the worker
 *
 * Invariant: of a secret at most its first four bytes leave this room, of one under sixteen none, but for who asks for it by `handing`, to
 * ask its vendor; what is accepted has a reason.
 */
export { acceptanceOf, createAllowList, type AllowEntry, type AllowList } from './allow.ts'
export {
  acceptKnown,
  grownBaseline,
  readBaseline,
  writeBaseline,
  writeWhole,
  type Baseline,
} from './baseline.ts'
export { ignoringAt } from './ignore.ts'
export { shownReason } from './reason.ts'
export { fingerprintOf } from './fingerprint.ts'
export { findingsIn, type FindingOptions, type Findings } from './find.ts'
export type { HandedKey } from './handed.ts'
export type { FoundLiveness } from './model.ts'
export { knownRule, rankOf, type Acceptance, type Commit, type Confidence, type Finding } from './model.ts'
export type { Found, KnownSecret, Looked, Point } from './model.ts'
