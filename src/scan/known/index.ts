/**
 * Secrets that somebody has, looked for in what is scanned, by keyed fingerprints of each form in which they may stand there. Who
 * looks holds no secret, and nothing by which one could be guessed without the vault's own key.
 *
 * It refuses to look for what is short or easy to guess: that would be found where it is not.
 *
 * Invariant: a hit has the whole form of the secret, or 256 bytes of a longer one, by HMAC-SHA-256; hashes of windows only choose
 * what is proved.
 */
export { findCandidates, type WindowTable } from './candidates.ts'
export type { Candidate } from './shapes.ts'
export { fingerprintsOf, reckonedVersion, packFingerprints, unpackFingerprints } from './fingerprint.ts'
export type { Fingerprint } from './fingerprint.ts'
export { partsOf } from './parts.ts'
export { isWorthLooking } from './strength.ts'
export { keysOf } from './keys.ts'
export { createKnownSecrets, type KnownHit, type KnownSecrets } from './known-secrets.ts'
