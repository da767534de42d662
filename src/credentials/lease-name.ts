import { MayflyError, type LeaseId } from '../lib/index.ts'
import type { Plain } from './issuer.ts'

/** What a credential is called at its upstream: nobody else's is, so what has this name is the lease's. */
export function leaseName(lease: LeaseId): string {
  return `mayfly-${lease.replaceAll('_', '-')}`
}

/** The name in a plan. Throws `bad_input` for any other: nothing is ended that no lease was made for. */
export function nameIn(plan: Plain): string {
  const { name } = (plan ?? {}) as { name?: unknown }
  if (typeof name === 'string' && /^mayfly-lse-[0-9a-z]{24}$/.test(name)) return name
  throw new MayflyError('bad_input', 'the plan of the lease has no name that Mayfly gives')
}
