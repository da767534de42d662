/** What lockfiles pin, whatever tool wrote them. Reads texts that a step chose: bounded, and the large ones in a thread. */
export { packLockfiles } from './bundle.ts'
export { integrityOfHex, joinIntegrity } from './integrity.ts'
export type { Ecosystem, Gap, Lockfile, Outside, Pin } from './pin.ts'
export { placeOf, type Pins } from './pins.ts'
export { canonicalVersion, isPythonFile, normalizedProject, normalizedVersion } from './python-names.ts'
export { createLockfileReader } from './thread.ts'
