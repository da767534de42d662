import type { Claimed } from './claimed.ts'
import { summaryType } from './types.ts'

/**
 * Is this about the very build that the provenance is about? Both being about one artifact is not enough: what another job, role or run
 * of the same Mayfly says of the same bytes (a bill of materials without what was really taken in) would complete a provenance that it
 * has nothing to do with.
 */
export function belongsTo(provenance: Claimed, other: Claimed): boolean {
  if (other === provenance) return true
  const [own, others] = [provenance.statementSha256(), other.statementSha256()]
  if (other.type === summaryType) return own !== undefined && other.names.includes(own)
  const { runId, stepId, server } = provenance
  // Of ours, the provenance names the step, and what else was signed of it when it ended.
  if (stepId === undefined || other.type === 'signature') return isSameJob(provenance, other)
  if (others !== undefined && provenance.names.includes(others)) return true
  return (
    runId !== undefined &&
    server !== undefined &&
    other.stepId === stepId &&
    other.runId === runId &&
    other.server === server
  )
}

/** By certificates of one job in one run. A key signs for everybody, so nothing by it shows that it is of the same. */
function isSameJob({ verified: one }: Claimed, { verified: other }: Claimed): boolean {
  if (one.signer.kind !== 'certificate' || other.signer.kind !== 'certificate') return false
  const [own, others] = [one.signer.identity, other.signer.identity]
  const names = Object.keys({ ...own.claims, ...others.claims })
  return (
    Object.hasOwn(own.claims, 'runInvocationURI') &&
    own.san === others.san &&
    own.issuer === others.issuer &&
    names.every((name) => own.claims[name] === others.claims[name])
  )
}

/**
 * As whose it may be judged. A key names nobody, and a bill of materials does not say its job: the provenance to which it belongs does, by
 * our own root.
 */
export function withItsJob(one: Claimed, about: readonly Claimed[]): readonly Claimed[] {
  if (one.verified.signer.kind !== 'key' || one.issuer !== undefined) return [one]
  const ofOurs = about.filter(
    (all) => all !== one && all.stepId !== undefined && all.builder !== undefined && belongsTo(all, one),
  )
  if (ofOurs.length === 0) return [one]
  return ofOurs.map(({ issuer, repositoryId, ownerId, repository, ref }) => ({
    ...one,
    ...{ issuer, repositoryId, ownerId, repository, ref },
  }))
}
