/**
 * The packages that a run (by its entries in the audit log) or a step had, as a bill of materials: CycloneDX 1.6 or SPDX 2.3. Lists what was
 * given to its steps and held its digest; what they did with it, or had in the workspace before, it does not know.
 * Invariant: the same entries give the same text.
 */
export { createCollector, type Collected } from './collect.ts'
export { componentsOf, type Component } from './components.ts'
export { toCycloneDx } from './cyclonedx.ts'
export { toSpdx } from './spdx.ts'
