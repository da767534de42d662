/**
 * The trust document: which CAs, keys, logs and timestamp authorities count, since when and until when, signed by the root key. Makes
 * the CA and, until there is one offline, the root key; brings in the next CA before the one that signs ends; takes keys back.
 * Refuses to let a CA sign that the document in force does not name, and a document that the root in force did not sign.
 * Invariant: versions only grow, and each is signed by a root key of the one before.
 */
export { createTrustKeeper } from './keeper.ts'
export type { Draft, Published, Records, Revoked, RotatedAuthority, TrustDeps, TrustKeeper } from './model.ts'
export type { StoredDocument } from './state.ts'
