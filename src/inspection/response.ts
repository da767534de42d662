import { messageOf } from '../lib/index.ts'
import type { RevokedLease, Step } from '../broker/index.ts'
import type { Sent } from '../gateway/index.ts'
import { placeOf, shown, type FoundSecret } from './found.ts'

/** What is done about what is ours and was found. */
export interface Response {
  /** For each of them that is certain; a line for the step says what was begun. Never rejects. */
  answer(
    step: Step,
    sent: Pick<Sent, 'connection' | 'what'> & { readonly place: string },
    secrets: readonly FoundSecret[],
  ): Promise<readonly Answered[]>
}

/** What was done about a secret of the vault, or about a lease; a line for the step says it. */
export interface Answered {
  readonly line: string
  /** The secret that counts as compromised. */
  readonly secret?: string
  /** That were ended for it. */
  readonly leases: readonly string[]
}

/** What came of it, and which leases were ended by it. */
export interface Compromised {
  readonly state: 'begun' | 'known' | 'dead'
  readonly ended: readonly string[]
}

/**
 * Others know it, as `mayfly secret compromise` says: what was made from it ends, it gets a new value, and the old one is seen dead. A
 * value that its upstream takes no more is only told. Of a credential that was made or opened for a step its lease ends.
 */
export function createResponse(deps: {
  /** Of a version and all older ones. Twice is once, at whichever server. */
  compromise(secret: string, how: { version: number; by: string; reason: string }): Promise<Compromised>
  /** False if it was over already. Twice is once, at whichever server; what fails is tried again. */
  revokeLease(which: RevokedLease): Promise<boolean>
}): Response {
  async function endLease(which: RevokedLease): Promise<Answered> {
    const said = await deps.revokeLease(which).then(
      (isNew) => (isNew ? 'is revoked; who uses the connection again gets another' : 'was over already'),
      (error: unknown) => `is used no more, and revoked as soon as the store takes it: ${messageOf(error)}`,
    )
    const { lease, connection } = which
    return { leases: [lease], line: `the credential for connection "${connection}" (lease ${lease}) ${said}` }
  }

  return {
    async answer(step, { place, connection, what }, secrets) {
      const newest = new Map<string, FoundSecret & { readonly version: number }>()
      const leases = new Map<string, RevokedLease>()
      for (const one of secrets) {
        const { owner } = one
        if (!one.isCertain) continue
        if (owner.kind === 'credential') leases.set(owner.lease, owner)
        else if (owner.version > (newest.get(owner.secret)?.version ?? 0))
          newest.set(owner.secret, { ...one, version: owner.version })
      }
      const answered: Answered[] = []
      for (const { lease, step: id, connection: of } of leases.values())
        answered.push(await endLease({ lease, step: id, connection: of }))
      for (const [secret, { version, name, line }] of newest) {
        const where = [place, connection, shown(what)].filter((one) => one !== '').join(' ')
        const reason = `found by step ${step.id} in ${where}, ${placeOf(name, line)}`
        const begun = await deps
          .compromise(secret, { version, by: JSON.stringify('mayfly (scan)'), reason: reason.slice(0, 500) })
          .catch((error: unknown) => ({ failed: messageOf(error) }))
        const leases = 'failed' in begun ? [] : begun.ended
        answered.push({ secret, leases, line: lineOf(secret, version, begun) })
      }
      return answered
    },
  }
}

function lineOf(secret: string, version: number, begun: Compromised | { failed: string }): string {
  if ('failed' in begun)
    return `secret "${secret}" is not marked as compromised: ${begun.failed}; mayfly secret compromise ${secret}`
  if (begun.state === 'dead')
    return `version ${version} of secret "${secret}" is dead already: its upstream takes it no more`
  return begun.state === 'begun'
    ? `secret "${secret}" counts as compromised from now on: what was made from it ends, and it gets a new value (mayfly secret status ${secret})`
    : `secret "${secret}" counts as compromised already (mayfly secret status ${secret})`
}
