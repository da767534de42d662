/**
 * The timestamp authority (RFC 3161): it signs the time over the hash of whatever it is sent. It runs where the attestation
 * log runs, apart from the server, so whoever has the server cannot date back what he signs with its keys.
 *
 * It refuses what is not a TimeStampReq in DER, and to sign while its clock is behind what it or the log signed before.
 *
 * Invariant: the times that it signs never run backwards, each is within the validity of the leaf that signs it, and no
 * root key exists by which another leaf could be made.
 */
export { openTimestampAuthority, type TimestampAuthority } from './authority.ts'
export type { TimestampChain } from './chain-store.ts'
export { createSteadyTime } from './steady-time.ts'
