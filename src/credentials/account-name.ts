import { createHash } from 'node:crypto'
import { MayflyError, type LeaseId } from '../lib/index.ts'
import type { Plain } from './issuer.ts'

/**
 * What the account of a lease is called: `mayfly_` and 24 of a-z and 0-9. That is 31 characters, so that no server cuts it
 * (MySQL takes 32, PostgreSQL 63 bytes): two leases that were cut to one name would end each other's account.
 */
export function accountName(lease: LeaseId): string {
  const id = /^lse_([0-9a-z]{24})$/.exec(lease)?.[1]
  return `mayfly_${id ?? createHash('sha256').update(lease).digest('hex').slice(0, 24)}`
}

/** The name in a plan. Throws `bad_input` for any other: nothing is dropped that no lease was made for. */
export function accountIn(plan: Plain): string {
  const { username } = (plan ?? {}) as { username?: unknown }
  if (typeof username === 'string' && /^mayfly_[0-9a-z]{24}$/.test(username)) return username
  throw new MayflyError('bad_input', 'the plan of the lease names no account that Mayfly made')
}
