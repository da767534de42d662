/**
 * The files by which a CI lets one step of a job change the steps after it (`$GITHUB_ENV` and its kin). A step in a sandbox
 * gets fresh ones; what it wrote is read when it has ended, checked, and only then written to the CI's own.
 * Invariant: nothing that a step wrote decides which program a later step starts, unless its role says so.
 */
export { ciFilesOf } from './ci-files.ts'
export { checkDotenv, maxDotenvBytes } from './dotenv.ts'
export { createOutputFile, outputFileInside, outputVariable, readOutputs } from './step-outputs.ts'
export type { StepOutputs } from './step-outputs.ts'
export { handBack } from './hand-back.ts'
export { placeVariables } from './place-variables.ts'
