import { MayflyError } from '../../lib/index.ts'

/** Why nothing is signed now, and what is to be done about it. */

export function notYet(warnings: readonly string[]): MayflyError {
  const why = warnings[0] === undefined ? '' : ` (${warnings[0]})`
  return new MayflyError('conflict', `nothing is attested yet: there is no trust document${why}`)
}

/** The server itself has put it in force: either the store was changed, or its clock was set back. */
export const doesNotHold = (detail: string): string => `the trust document does not hold: ${detail}`

export function refuseExpired(expires: string | undefined, nowMs: number): void {
  if (expires === undefined || nowMs <= Date.parse(expires)) return
  throw new MayflyError(
    'conflict',
    `nothing is attested: the trust document ended at ${expires}, and nobody would take what is signed; have the next one signed: mayfly attest root next`,
  )
}

export function noAuthority(standings: readonly string[]): MayflyError {
  const waits = standings.includes('unpublished')
  return new MayflyError(
    'conflict',
    waits
      ? 'nothing is attested: the new CA is not in the trust document yet; have it signed: mayfly attest root next'
      : `nothing is attested: no CA may sign (${[...new Set(standings)].join(', ') || 'none was made'}): mayfly attest root rotate ca --now`,
  )
}
