import { MayflyError } from '../../lib/index.ts'
import type { Lease, Step } from '../../broker/index.ts'
import type { Permit } from '../exchange.ts'

export function permitOf(lease: Lease | undefined): Permit {
  const { authorization, fields, clientIdentity } = lease ?? {}
  return { allow: true, authorization, fields, clientIdentity }
}

/** A step may have ended while its entry was written: throws `revoked` then. */
export function refuseEnded({ endReason }: Step): void {
  if (endReason !== undefined) throw new MayflyError('revoked', `the step has ended (${endReason})`)
}
