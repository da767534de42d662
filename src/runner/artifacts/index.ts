/**
 * Files that one step hands to others, through its supervisor: copied when the step is over, by digest, plain files alone, and
 * nothing that would run because of its name unless the pipeline names it. No step reaches them where they are kept.
 */
export { fileListOf, filesOf, type Artifact, type Artifacts } from './artifact.ts'
export { collectArtifacts, coveredFiles, TooMuch } from './collect.ts'
export { lookAtArtifacts } from './look.ts'
export { takeArtifacts } from './take.ts'
