/**
 * Sealed, versioned secrets. Envelope encryption: each version has its own data key, sealed by the vault key.
 * The vault key lives in a file of its own, outside the database's folder, readable by its owner only.
 * Invariant: plaintext leaves only as `Secret`, and a sealed value opens only under its own name and version.
 */
export { createVaultKey, loadVaultKey } from './vault-key.ts'
export { openSealed, seal } from './envelope.ts'
export type { VaultKey } from './envelope.ts'
export { createVault } from './vault.ts'
export type { Vault } from './vault.ts'
