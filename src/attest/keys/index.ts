/**
 * Keys that sign attestations and are kept elsewhere: in a file, in the vault, in a key service, in a hardware module. ECDSA on P-256
 * alone. What a holder answers is checked by the public key that was pinned when the key was first used.
 * Invariant: no signature leaves that the pinned key does not verify, and no error repeats what was sent.
 */
export { createCheckedSigner } from './checked.ts'
export { configuredKeys, keyHolder, type ConfiguredKeys } from './configured.ts'
export { createPublishedSigner } from './published.ts'
export { createStoredPins } from './pins.ts'
