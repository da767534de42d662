/**
 * Asks vendors whether a secret that was found is alive, whose it is and what it may do, and ends it where they let its holder.
 * A kind is data: the request that the vendor's own reference gives, and how its answers read.
 * It refuses to follow a redirect, to take a host from what was scanned, and to call dead what its vendor did not call so.
 * Invariants: a request goes to the host of its kind's description, or to one that a connection names; nothing that is said of a
 * secret repeats it; a request that asks neither sends, charges, makes nor changes anything.
 */
export { askable, coresIn, createVendors, hostFor, needingPlace, revocable } from './liveness.ts'
export { verifyProblems } from './problems.ts'
export type { FoundKey, LivenessDeps, NamedPlace, Vendors } from './liveness.ts'
export type { Liveness, Revoked } from './model.ts'
