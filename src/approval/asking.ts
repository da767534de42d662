import { randomBytes } from 'node:crypto'
import type { QueryCreator } from 'kysely'
import { MayflyError, newId, sha256Hex, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { runOf } from '../broker/index.ts'
import { durationSeconds } from '../config/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Rules, RulesHolder } from '../rules/index.ts'
import type { Tables } from '../store/index.ts'
import type { Exclusively } from './lock.ts'
import type { PollPace } from './poll-pace.ts'
import { approvalEvent, type ApprovalRecords } from './records.ts'
import { grantsOf, type ApprovalRequest } from './request.ts'
import { describeRequirements, requirementsOf } from './requirement.ts'
import { stillApproved, whatChanged } from './standing.ts'

/** The supervisor's side: it asks, polls, gives up. */
export interface Asking {
  /**
   * Records that these roles are asked for and uses the identity token up. `replayed` if it was used before. Throws `limit_exceeded` if too many of
   * this repository, or of all, wait already.
   */
  request(asked: Asked): Promise<Requested | { readonly ok: false; readonly reason: 'replayed' }>
  /** What the supervisor with this code and key may know; `ready` once, to open the session with `use`. */
  poll(code: string, jkt: string): Promise<Polled>
  /** It no longer waits. False if there is nothing that this code and key could cancel. */
  cancel(code: string, jkt: string): Promise<boolean>
}

export interface Asked {
  readonly rules: Rules
  readonly identity: Identity
  readonly roles: readonly string[]
  readonly jkt: string
  readonly requestId: string
  /** False where a session was opened with the identity token already. */
  readonly usesToken: boolean
}

export interface Requested {
  readonly ok: true
  readonly id: string
  /** What the supervisor polls with; kept nowhere else. */
  readonly code: string
  readonly intervalSeconds: number
  readonly expiresMs: number
  readonly approvers: string
}

export type Polled =
  | { readonly state: 'unknown' }
  | { readonly state: 'pending' | 'too_fast'; readonly intervalSeconds: number; readonly approvers: string }
  | { readonly state: 'expired' }
  | { readonly state: 'refused'; readonly reason: string }
  | {
      readonly state: 'ready'
      readonly request: ApprovalRequest
      /** In the transaction that makes the session: a yes is used once. */
      readonly use: (tx: QueryCreator<Tables>) => Promise<void>
    }

const maxOpen = 2_000
const maxOpenOfRepository = 20

export function createAsking(deps: {
  records: ApprovalRecords
  audit: AuditClient
  clock: Clock
  rules: RulesHolder
  pace: PollPace
  exclusively: Exclusively
}): Asking {
  const { records, audit, clock, pace, exclusively } = deps

  async function request(asked: Asked): ReturnType<Asking['request']> {
    const { rules, identity, roles, jkt, requestId, usesToken } = asked
    const requirements = requirementsOf(rules.document, roles)
    // A token that is sent again and again must not fill the log with requests that are none.
    if (usesToken && records.wasUsed(identity)) return { ok: false, reason: 'replayed' }
    await refuseFlood(identity)
    const code = randomBytes(32).toString('base64url')
    const now = clock.nowMs()
    const waitSeconds = Math.min(...requirements.map(({ approval }) => durationSeconds(approval.expires)))
    const made: ApprovalRequest = {
      id: newId<string>('apr'),
      state: 'pending',
      jkt,
      identity,
      roles,
      policyVersion: rules.version,
      grantsDigest: grantsOf(rules, roles).digest,
      runId: runOf(identity),
      createdMs: now,
      expiresMs: now + waitSeconds * 1000,
      endReason: null,
    }
    const approvers = describeRequirements(requirements)
    await audit.append(
      approvalEvent('approval.requested', made, {
        request: requestId,
        token: identity.tokenId,
        jkt,
        needs: approvers,
        expires: new Date(made.expiresMs).toISOString(),
      }),
    )
    if (!(await records.add(made, { code, needs: approvers, usesToken })))
      return { ok: false, reason: 'replayed' }
    const intervalSeconds = pace.start(made.id)
    return { ok: true, id: made.id, code, intervalSeconds, expiresMs: made.expiresMs, approvers }
  }

  /** A job that asks without end must not bury the people, nor fill the store. */
  async function refuseFlood(identity: Identity): Promise<void> {
    const { all, same } = await records.countOpen(identity)
    if (all >= maxOpen || same >= maxOpenOfRepository)
      throw new MayflyError(
        'limit_exceeded',
        `${same} requests of this repository and ${all} in all wait for approval (at most ${maxOpenOfRepository} and ${maxOpen}): answer or cancel them first`,
      )
  }

  async function poll(code: string, jkt: string): Promise<Polled> {
    const found = await records.find('code_hash', sha256Hex(code))
    // Another key is told what an unknown code is told: the code alone is worth nothing.
    if (found === undefined || found.jkt !== jkt) return { state: 'unknown' }
    return exclusively(found.id, async () => {
      const now = (await records.find('id', found.id)) ?? found
      if (now.state === 'used') return { state: 'refused', reason: 'this approval was used already' }
      if (now.state === 'expired') return { state: 'expired' }
      if (now.endReason !== null) return { state: 'refused', reason: now.endReason }
      if (now.expiresMs <= clock.nowMs()) {
        await records.expire(now)
        return { state: 'expired' }
      }
      const { tooFast, intervalSeconds } = pace.polled(now.id)
      const rules = deps.rules.current()
      const approvers = describeRequirements(requirementsOf(rules.document, now.roles))
      if (tooFast) return { state: 'too_fast', intervalSeconds, approvers }
      const changed = whatChanged(rules, now)
      if (changed !== undefined) {
        await records.end(now, 'void', changed)
        return { state: 'refused', reason: changed }
      }
      if (now.state === 'pending') return { state: 'pending', intervalSeconds, approvers }
      if (!stillApproved(rules, now, await records.votes(now.id))) {
        const reason = 'those who approved could no longer do so'
        await records.end(now, 'void', reason)
        return { state: 'refused', reason }
      }
      return { state: 'ready', request: now, use: (tx) => use(tx, now) }
    })
  }

  async function use(tx: QueryCreator<Tables>, { id, policyVersion }: ApprovalRequest): Promise<void> {
    // A policy may have been applied since the poll looked.
    if (deps.rules.current().version !== policyVersion)
      throw new MayflyError('denied', `the policy has changed while approval ${id} was being used`)
    const changed = await tx
      .updateTable('approvals')
      .set({ state: 'used', ended_ms: clock.nowMs(), end_reason: 'used' })
      .where('id', '=', id)
      .where('state', '=', 'approved')
      .where('ended_ms', 'is', null)
      .where('expires_ms', '>', clock.nowMs())
      .executeTakeFirst()
    if (changed.numUpdatedRows === 0n)
      throw new MayflyError('denied', `approval ${id} was used, ended or voided in the meantime`)
    pace.forget(id)
  }

  return {
    // One after the other in a repository, else those that come at once would all find room.
    request: (asked) =>
      exclusively(`${asked.identity.issuerUrl} ${asked.identity.attributes.repository_id ?? ''}`, () =>
        request(asked),
      ),
    poll,
    async cancel(code, jkt) {
      const found = await records.find('code_hash', sha256Hex(code))
      if (found === undefined || found.jkt !== jkt || found.endReason !== null) return false
      await exclusively(found.id, () => records.end(found, 'cancelled', 'the step no longer waits'))
      return true
    },
  }
}
