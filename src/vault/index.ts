/**
 * Sealed, versioned secrets. Envelope encryption: each value has its own data key, sealed by the newest key of the ring; the
 * ring's keys are wrapped by a root key, and that by a key provider (a file, a passphrase, a key service, a hardware module).
 * Invariant: plaintext leaves only as `Secret`, and a sealed value opens only under its own name and version; while the vault
 * is sealed nothing opens.
 */
export { createVaultKey, loadVaultKey } from './vault-key.ts'
export { openSealed, seal } from './envelope.ts'
export type { KeyRing, VaultKey } from './envelope.ts'
export { createStoredRing } from './key-ring.ts'
export type { StoredRing } from './key-ring.ts'
export { openRing } from './open-ring.ts'
export type { WritesEntry } from './open-ring.ts'
export { configuredProviders } from './configured.ts'
export { keyProviders } from './providers.ts'
export type { KeyProvider, KeyProviders } from './provider.ts'
export { createVault } from './vault.ts'
export type { Listed, SecretVersion } from './listing.ts'
export type { Details, Opened, SecretChanges, Use, Vault } from './vault.ts'
export { createExternalSecrets } from './external/external.ts'
export type { ExternalSecrets } from './external/external.ts'
export { createVaultControl } from './vault-control.ts'
export type { VaultControl } from './vault-control.ts'
