/**
 * How a file of a registry was made: attestations of npm (SLSA provenance) and of Python indexes (PEP 740), verified without
 * asking anybody, against a trusted root that the operator has. Refuses to believe the registry's own word of who published.
 * Invariant: with a trusted root a `Source` is given only for what that root shows to be signed by a build there, about just this file.
 */
export { npmAttestations, pypiAttestations, type Attestation } from './attestation.ts'
export { isSameSource, type Source } from './source.ts'
export { createTrustedRoots, type TrustedRoots } from './trusted-root.ts'
export type { AttestationVerdict, Subject, Trust } from './verify.ts'

import type { Attestation } from './attestation.ts'
import type { AttestationVerdict, Subject, Trust } from './verify.ts'

/** The verdict on the first attestation that holds, else on the last; the verifier is loaded when it is first needed. */
export async function verifyAny(
  attestations: readonly Attestation[],
  subject: Subject,
  trust: readonly Trust[] | 'registry',
): Promise<AttestationVerdict> {
  const { verifyAttestation } = await import('./verify.ts')
  let verdict: AttestationVerdict = { ok: false, why: 'there is none' }
  for (const attestation of attestations) {
    verdict = verifyAttestation(attestation, subject, trust)
    if (verdict.ok) return verdict
  }
  return verdict
}
