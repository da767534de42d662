import type { LeaseId } from '../lib/index.ts'

/** What a credential is called at its upstream: nobody else's is, so what has this name is the lease's. */
export function leaseName(lease: LeaseId): string {
  return `mayfly-${lease.replaceAll('_', '-')}`
}

/** The name in a plan that is `{ name }`. */
export function nameIn(plan: unknown): string {
  const name = typeof plan === 'object' && plan !== null && 'name' in plan ? plan.name : undefined
  return typeof name === 'string' && name.length > 10 ? name : 'a plan without a name'
}
