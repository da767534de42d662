/**
 * Signs statements and files: a leaf of ten minutes from our CA or a long-lived key, an envelope, an entry of the attestation
 * log, a timestamp, and all of it as a Sigstore bundle. Refuses to hand out a bundle that does not verify.
 * Invariant: a leaf's private key signs once and is kept nowhere.
 */
export { createCertifiedSigner, createHeldKeySigner, createKeylessSigner } from './bundle.ts'
export type { BundleSigner, CheckBundle, SignedBundle } from './bundle.ts'
export { createKeySigner } from './signer.ts'
export type { Signer } from './signer.ts'
export type { AttestationLog, LoggedEntry, LogKeys } from './log.ts'
export { createAttestationLog } from './log-client.ts'
export type { AttestationLogClient, AttestationLogOptions } from './log-client.ts'
export type { AllLogKeys } from './log-keys.ts'
export { createLogSize } from './log-size.ts'
export { signerOf } from './identity.ts'
export type { JobIdentity } from './identity.ts'
export type { SignerIdentity } from '../verify/index.ts'
export { envelopeOf } from './envelope.ts'
export type { Envelope } from './envelope.ts'
export { makeAuthority, readAuthority } from './authority.ts'
export type { Authority } from './authority.ts'
export { logKeyId, logPublicKey } from './log-name.ts'
export { makeRootKey, openRootKey, publicPem } from './root-key.ts'
export { certificateKeyId, leafId, logSpkiId, pemKeyId, trustContent } from './trust-content.ts'
export type { RevokedKey, TrustContent, TrustFacts, TrustPayload } from './trust-content.ts'
export { isSameTrust, trustChanges, trustKeys } from './trust-changes.ts'
