export { createVerifier, type VerifierDeps } from './verifier.ts'
export { createStepVerifying, type StepVerifying } from './of-steps.ts'
export type { Ended, EntryOf, FoundKey, Ours, Verified, Verifier, VerifyConfig } from './model.ts'
