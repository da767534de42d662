/**
 * Verifies a CI's identity token and turns it into an `Identity`: OIDC discovery, JWKS, signature, times,
 * audience, and the issuer's profile. Refuses what it does not know; decides nothing about access.
 * Invariant: an `Identity` exists only for a token whose signature, issuer, audience and times held.
 * One-shot use (`iss` + `jti`) needs a store, so the token endpoint keeps it.
 */
export type {
  AttributeName,
  Attributes,
  Identity,
  IdentityRefusal,
  IdentityResult,
  Refused,
} from './identity.ts'
export { limitsOf, pinsOf, profileOf } from './profiles.ts'
export { signatureAlgorithms } from './compact-token.ts'
export { describeJob, normalise } from './normalise.ts'
export { createIdentityVerifier } from './verify.ts'
export type { IdentityVerifier } from './verify.ts'
export { createIssuerKeys } from './issuer-keys.ts'
export { keysIn } from './signature.ts'
export { startCheckThread } from './check-thread.ts'
export type { Checks } from './checks.ts'
export { createProofNonces } from './dpop-nonce.ts'
export { createProofSigner } from './dpop-signer.ts'
export type { ProofSigner } from './dpop-signer.ts'
export { connectUri, createProofVerifier } from './dpop.ts'
export type { ProofExpectation, ProofResult, ProofVerifier } from './dpop.ts'
export type { ProofNonces } from './dpop-nonce.ts'
