import { isAtLeast, isolationOf, MayflyError } from '../lib/index.ts'
import { isolationAdvice, type Probe } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

/** How one step runs: in a sandbox as the probe found it, or without one. */
export type Chosen = Exclude<Probe, { tier: 'none' }> | { readonly tier: 'E' }

/**
 * How this step runs: as well isolated as this machine can. Throws `isolation_unavailable` if that is less than its role asks
 * for: nothing runs less isolated than was asked for.
 */
export function chooseTier(
  { probe, session }: Pick<StepDeps, 'probe' | 'session'>,
  request: StepRequest,
): Chosen {
  const least = session.roles.find(({ name }) => name === request.role)?.isolation ?? 'namespace'
  if (request.isolation === 'none') return { tier: 'E' }
  if (probe.tier === 'none')
    throw unavailable(request, 'cannot be isolated', probe.why, 'ask for --isolation none')
  const has = isolationOf(probe.tier)
  if (isAtLeast(has, least)) return probe
  const why = probe.tier === 'C' ? probe.why : ''
  throw unavailable(request, `can only be isolated as "${has}" here`, why, `put \`isolation: ${has}\` there`)
}

function unavailable({ name, role }: StepRequest, what: string, why: string, or: string): MayflyError {
  return new MayflyError(
    'isolation_unavailable',
    `step "${name}" ${what}: ${why}: ${isolationAdvice(why)}; or, if role "${role}" allows it, ${or}`,
  )
}
