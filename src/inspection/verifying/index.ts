export { createVerifier, type VerifierDeps } from './verifier.ts'
export { createStepVerifying, type StepVerifying } from './of-steps.ts'
export type { Asker, Ended, FoundKey, Ours, Verified, Verifier, VerifyConfig } from './model.ts'
