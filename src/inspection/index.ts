/**
 * What leaves a step is looked at: pushes, packages, images, what it writes. Finds the secrets of the vault by their fingerprints and
 * others by rules; refuses, tells or records them as the step's role says; and answers for what is found of the vault.
 *
 * It refuses to let pass what it was to block and could not look at.
 *
 * Invariant: no entry, line or error of it repeats a secret, and what passes although it was found is in the log first.
 */
export type { ContentScanner, PlacedCandidate, Scanned } from './content-scanner.ts'
export { createScanThreads } from './scan-threads.ts'
export { createKnownLook, type KnownLook, type KnownPlace } from './known-look.ts'
export { createInspection } from './inspection.ts'
export { createOutputInspection, type OutputInspection } from './output.ts'
export { createResponse } from './response.ts'
export { createGivenNames, type GivenNames } from './given-names.ts'
export { createVaultSecrets, loadSeed, type VaultSecrets } from './vault-secrets.ts'
export { createStepVerifying, createVerifier } from './verifying/index.ts'
export type { Asker, Ended, FoundKey, Ours, Verified, Verifier } from './verifying/index.ts'
