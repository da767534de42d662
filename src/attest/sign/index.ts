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
export { signerOf } from './identity.ts'
export type { JobIdentity, SignerIdentity } from './identity.ts'
export type { Envelope } from './envelope.ts'
export { makeAuthority, readAuthority } from './authority.ts'
export type { Authority } from './authority.ts'
export { logKeyId, logPublicKey } from './log-name.ts'
export type { EntrySigner } from './entry.ts'
