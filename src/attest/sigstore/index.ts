/**
 * Signs by an instance of Sigstore, the public one or a company's own: a certificate of Fulcio for the CI's own token, a timestamp, an
 * entry of a log of Rekor v2. Written from their published API; Rekor v1 is not spoken.
 * Refuses a token that was made for another audience or another job, and whatever the instance's trusted root does not verify.
 * Invariant: a token goes to Fulcio alone, is kept in memory for its own step, and stands in no error.
 */
export { createSigstore } from './sigstore.ts'
export { createHeldIdentities, type HeldIdentities } from './held-identities.ts'
