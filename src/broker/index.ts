/**
 * Sessions, steps and leases: grant -> lease -> revocation. The only room that opens the vault, beside the server's own
 * start, which opens for sign-in and notifications the secrets that they are configured with. Refuses to hand out
 * anything for a step that has ended.
 * Invariant: a lease is recorded in the audit log and the store before it exists, and no end of a step leaves
 * one behind; the gate closes before the end is written.
 */
export { createAccessTokens } from './access-token.ts'
export type { AccessClaims, AccessResult, AccessTokens } from './access-token.ts'
export { createPeople, isPersonalClaim, recordedClaim, recordedIdentity } from './people.ts'
export type { People } from './people.ts'
export { stepEvent } from './recorded-job.ts'
export { createStoredRunNumbers } from './run-numbers.ts'
export { emptyRevocationList, revocationList } from './leases/revocation-list.ts'
export { needsLease } from './client-identity.ts'
export { createBroker } from './broker.ts'
export { runOf } from './opening.ts'
export { usedToken, wasTokenUsed } from './rows.ts'
export type { SessionMatch } from './records.ts'
export type { Broker, RevokedLease } from './contract.ts'
export type { AddEvents } from './outbox.ts'
export type { ShownLease } from './leases/desk.ts'
export type { SessionRequest } from './session-request.ts'
export { outcomeOf, type StepRequest } from './events.ts'
export type {
  AtStepEnd,
  ClientIdentity,
  End,
  KeptLog,
  Lease,
  Minted,
  Session,
  Step,
  Decision,
  StepOutcome,
  StepWorkspace,
} from './model.ts'
export { createAttestationMemory, createLogMemory, type LogMemory } from './log-memory.ts'
export { loadRunKeys } from './run-keys.ts'
export type { RunKeys } from './run-keys.ts'
export { createStoredArchiveDates, type StoredArchiveDates } from './archive-dates.ts'
export { createStoredFirstSeen } from './first-seen.ts'
export type { FirstSeen, SeenFile, StoredFirstSeen } from './first-seen.ts'
export { createStoredProvenance } from './provenance.ts'
export type { KnownProvenance, StoredProvenance } from './provenance.ts'
export { createStoredTreeHeads } from './tree-heads.ts'
export type { StoredTreeHeads, TreeHead } from './tree-heads.ts'
export { createStoredRunArtifacts, type StoredRunArtifacts } from './run-artifacts.ts'
export { createStoredStepMaterials, type StepMaterials, type StoredStepMaterials } from './step-materials.ts'
export {
  artifactListDigest,
  artifactListOf,
  artifactListProblem,
  createStoredArtifactLists,
  sha256Sums,
  type StoredArtifactLists,
} from './artifact-lists.ts'
export { createStoredLockfiles } from './lockfiles.ts'
export type { StoredLockfiles } from './lockfiles.ts'
export { putEntry } from './outbox.ts'
