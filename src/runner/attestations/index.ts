/**
 * The files that hold what the server signed about a step: written by the supervisor once the step is over, all or none, under
 * names that no artifact chooses for another. What a step wrote there itself stays what it is, and is never taken for ours.
 */
export { readHanded } from './handed.ts'
export { attestationFiles, attestationNames, bundleNamesOf, plainNamesOf } from './names.ts'
export { refuseEarlier, takenName, writeAttestations, type AttestationsPlace } from './write.ts'
