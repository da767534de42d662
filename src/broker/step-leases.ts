import { MayflyError, type StepId } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import { needsLease } from './client-identity.ts'
import { ended, stands } from './leases/stands.ts'
import type { RevokedLease } from './contract.ts'
import type { Lease, Minted, Step } from './model.ts'
import type { BrokerParts } from './parts.ts'

export async function leaseOf(
  parts: BrokerParts,
  step: Step,
  connection: Connection,
  grant: string,
): Promise<Lease> {
  const { clock, leases, secretUse } = parts
  if (!stands(step, clock)) throw ended(step.endReason ?? 'expired')
  if (!needsLease(connection))
    throw new MayflyError('bad_input', `connection "${connection.name}" has no credential`)
  for (;;) {
    const lease = await leases.issue(step, connection, grant)
    const reason = secretUse.overBecause(lease.from)
    if (reason === undefined) return lease
    // It may have become so while the lease was made. The next one is made from a newer value, or refused.
    leases.drop(step.id, connection.name)
    await leases.endThese([lease.id], reason).catch(() => undefined)
  }
}

export async function leaseMinted(
  parts: BrokerParts,
  step: Step,
  connection: Connection,
  minted: Minted,
): Promise<void> {
  const { clock, leases } = parts
  if (!stands(step, clock)) throw ended(step.endReason ?? 'expired')
  await leases.record(step, connection, minted)
}

/** Other servers may have it, too: each cuts what it has open when it sees the compromise. */
export async function revokeSecret(
  parts: BrokerParts,
  secret: string,
  version: number,
  reason: string,
): Promise<readonly string[]> {
  const { leases, secretUse, live } = parts
  const users = await secretUse.users(secret, version)
  for (const user of users) {
    const step = live.steps.get(user.step as StepId)
    if (step === undefined) continue
    leases.drop(step.id, user.connection)
    for (const listener of live.leaseListeners) listener(step, user.connection, false)
  }
  const ids = users.map(({ lease }) => lease)
  return ids.length === 0 ? [] : await leases.endThese(ids, reason)
}

/** It is cut here even if it cannot be written down: what others have is used no more. */
export async function revokeLease(
  parts: BrokerParts,
  { lease, step: id, connection }: RevokedLease,
  reason: string,
): Promise<boolean> {
  const { leases, live } = parts
  const step = live.steps.get(id)
  if (step !== undefined && leases.dropOne(id, lease))
    for (const listener of live.leaseListeners) listener(step, connection, false)
  return await leases.endOne(lease, reason)
}

export function tellLost(parts: BrokerParts, step: Step, connection: string | undefined): void {
  const { live } = parts
  if (connection === undefined) return
  for (const listener of live.leaseListeners) listener(step, connection, true)
}
