/**
 * What is attested of steps: gathers the facts when a step ends, keeps with its end what is to be signed, signs it as soon as that can
 * be, and finds it again by digest, run and step. It makes no key and no statement itself.
 *
 * Invariants: what is due is as durable as the step's end. No bundle is handed out before the audit log has the entry of its
 * signing, and of a step and kind it is always the same one. Nothing that cannot be signed keeps a step from ending.
 */
export { createAttestor, type AttestorDeps } from './attestor.ts'
export type { StoredSession } from './facts.ts'
export type { Statements } from './statement.ts'
export type {
  Asked,
  AttestationState,
  AttestCounts,
  Attestor,
  Handed,
  HandedBundle,
  JobDemands,
  Page,
  Query,
  RunAttestations,
  StoredAttestation,
  VerifiedArtifact,
  VerifyRequest,
} from './model.ts'
