import { noSuch, sha256Hex, shown, type Clock, type MayflyError } from '../lib/index.ts'
import type { AuditEvent } from '../audit/client/index.ts'
import { usedToken, wasTokenUsed, type Broker } from '../broker/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Login } from '../operators/index.ts'
import { isDuplicate, type Store, type Tables } from '../store/index.ts'
import type { Notifications } from './notifications.ts'
import { boundTo, requestOf, type ApprovalRequest, type Vote } from './request.ts'

/** Requests and votes as rows; what is told to people, and the entries of ends, are written with them. */
export interface ApprovalRecords {
  find(column: 'id' | 'code_hash', value: string): Promise<ApprovalRequest | undefined>
  /** Those that have not ended. */
  open(): Promise<ApprovalRequest[]>
  /** Those of them whose time is over. */
  overdue(): Promise<ApprovalRequest[]>
  /** How many have not ended, and of those how many are of this repository. */
  countOpen(identity: Identity): Promise<{ readonly all: number; readonly same: number }>
  newest(state?: 'pending'): Promise<ApprovalRequest[]>
  /** Of this operation the newest that has not ended, or was used. */
  ofOperation(key: string): Promise<ApprovalRequest | undefined>
  /** About operations of this step, that have not ended. */
  openOfStep(step: string): Promise<ApprovalRequest[]>
  /** The yes is used now. False if it was used, ended or ran out in the meantime. */
  useUp(request: ApprovalRequest): Promise<boolean>
  wasUsed(identity: Identity): boolean
  /** False if the identity token was used before. */
  add(
    request: ApprovalRequest,
    asked: {
      readonly code: string
      readonly needs: string
      readonly usesToken: boolean
      readonly operationKey?: string
    },
  ): Promise<boolean>
  addVote(request: ApprovalRequest, vote: NewVote, complete: boolean): Promise<void>
  votes(id: string): Promise<(Vote & { readonly login: Login })[]>
  /** Once; a second call changes nothing, and says so: false. */
  end(
    request: ApprovalRequest,
    state: EndState,
    reason: string,
    data?: Record<string, unknown>,
  ): Promise<boolean>
  expire(request: ApprovalRequest): Promise<void>
  /** Forgets what ended long ago; the audit log keeps it for good. */
  purge(): Promise<void>
}

export interface NewVote {
  readonly person: string
  readonly name: string
  readonly reason: string | null
  readonly login: Login
  /** Index of its entry in the audit log. */
  readonly entry: number
}

/** `not_found`, with the id that was probably meant. */
export async function noApproval(id: string, records: ApprovalRecords): Promise<MayflyError> {
  const known = await records.newest()
  return noSuch(
    'approval',
    id,
    known.map((one) => one.id),
  )
}

type EndState = 'denied' | 'expired' | 'cancelled' | 'void'

const keepMs = 7 * 86_400_000
const listed = 200

/** An entry about a request says what it is bound to. */
export function approvalEvent(
  type: string,
  request: ApprovalRequest,
  data: Record<string, unknown>,
): AuditEvent {
  return { type, run: request.runId, subject: request.id, data: { ...data, bound: boundTo(request) } }
}

export function createApprovalRecords(deps: {
  store: Store
  outbox: Broker['outbox']
  clock: Clock
  notifications: Pick<Notifications, 'add'>
  /** Called when a request has ended. */
  onEnd: (id: string) => void
}): ApprovalRecords {
  const { store, outbox, clock, notifications } = deps

  /** With the entry in the same transaction: a log that is down keeps nobody from saying no. */
  async function end(
    request: ApprovalRequest,
    state: EndState,
    reason: string,
    data: Record<string, unknown> = {},
  ): Promise<boolean> {
    const type = `approval.${state === 'void' ? 'voided' : state}`
    const ended = await outbox.write(async (tx, add) => {
      const changed = await tx
        .updateTable('approvals')
        .set({ state, ended_ms: clock.nowMs(), end_reason: reason })
        .where('id', '=', request.id)
        .where('ended_ms', 'is', null)
        .executeTakeFirst()
      if (changed.numUpdatedRows === 0n) return false
      add([approvalEvent(type, request, { reason, ...data })])
      await notifications.add(tx, type, { ...summary(request), reason })
      return true
    })
    deps.onEnd(request.id)
    return ended
  }

  return {
    async find(column, value) {
      const row = await store.read
        .selectFrom('approvals')
        .selectAll()
        .where(column, '=', value)
        .executeTakeFirst()
      return row === undefined ? undefined : requestOf(row)
    },
    async open() {
      const rows = await store.read
        .selectFrom('approvals')
        .selectAll()
        .where('ended_ms', 'is', null)
        .execute()
      return rows.map(requestOf)
    },
    async overdue() {
      const rows = await store.read
        .selectFrom('approvals')
        .selectAll()
        .where('ended_ms', 'is', null)
        .where('expires_ms', '<=', clock.nowMs())
        .execute()
      return rows.map(requestOf)
    },
    async countOpen({ issuer, attributes }) {
      const rows = await store.read
        .selectFrom('approvals')
        .select(['issuer', 'repository_id', 'step_id'])
        .where('ended_ms', 'is', null)
        .execute()
      const place = attributes.repository_id ?? null
      // A step may ask about so many operations, whatever else its repository waits for.
      const same = rows.filter(
        (row) => row.issuer === issuer && row.repository_id === place && row.step_id === null,
      )
      return { all: rows.length, same: same.length }
    },
    async newest(state) {
      let query = store.read.selectFrom('approvals').selectAll().orderBy('created_ms', 'desc').limit(listed)
      if (state !== undefined)
        query = query.where('state', '=', state).where('expires_ms', '>', clock.nowMs())
      return (await query.execute()).map(requestOf)
    },
    async ofOperation(key) {
      const row = await store.read
        .selectFrom('approvals')
        .selectAll()
        .where('operation_key', '=', key)
        .where((or) => or.or([or('ended_ms', 'is', null), or('state', '=', 'used')]))
        .orderBy('created_ms', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : requestOf(row)
    },
    async openOfStep(step) {
      const rows = await store.read
        .selectFrom('approvals')
        .selectAll()
        .where('step_id', '=', step)
        .where('ended_ms', 'is', null)
        .execute()
      return rows.map(requestOf)
    },
    async useUp({ id }) {
      const changed = await store.write((tx) =>
        tx
          .updateTable('approvals')
          .set({ state: 'used', ended_ms: clock.nowMs(), end_reason: 'used' })
          .where('id', '=', id)
          .where('state', '=', 'approved')
          .where('ended_ms', 'is', null)
          .where('expires_ms', '>', clock.nowMs())
          .executeTakeFirst(),
      )
      return changed.numUpdatedRows > 0n
    },
    wasUsed: (identity) => wasTokenUsed(store, identity),
    async add(request, { code, needs, usesToken, operationKey }) {
      try {
        await store.write(async (tx, run) => {
          if (usesToken) run(usedToken(request.identity))
          await tx
            .insertInto('approvals')
            .values(rowOf(request, sha256Hex(code), operationKey))
            .execute()
          await notifications.add(tx, 'approval.requested', { ...summary(request), needs })
        })
        return true
      } catch (error) {
        if (isDuplicate(error)) return false
        throw error
      }
    },
    async addVote(request, vote, complete) {
      const { login, ...rest } = vote
      await store.write(async (tx) => {
        await tx
          .insertInto('approval_votes')
          .values({
            approval_id: request.id,
            ...rest,
            login: JSON.stringify(login),
            created_ms: clock.nowMs(),
          })
          .execute()
        if (complete)
          await tx
            .updateTable('approvals')
            .set({ state: 'approved' })
            .where('id', '=', request.id)
            .where('state', '=', 'pending')
            .where('ended_ms', 'is', null)
            .execute()
        await notifications.add(tx, 'approval.granted', { ...summary(request), by: vote.name, complete })
      })
    },
    async votes(id) {
      const rows = await store.read
        .selectFrom('approval_votes')
        .selectAll()
        .where('approval_id', '=', id)
        .orderBy('created_ms')
        .execute()
      return rows.map(({ person, name, reason, login, created_ms }) => ({
        person,
        name,
        reason,
        login: JSON.parse(login) as Login,
        createdMs: created_ms,
      }))
    },
    end,
    async expire(request) {
      const wasApproved = request.state === 'approved'
      const reason = wasApproved ? 'it was approved, but the step no longer asked' : 'nobody answered in time'
      await end(request, 'expired', reason)
    },
    async purge() {
      const untilMs = clock.nowMs() - keepMs
      const old = await store.read
        .selectFrom('approvals')
        .select('id')
        .where('ended_ms', '<', untilMs)
        .limit(1)
        .execute()
      if (old.length === 0) return
      await store.write((tx) => tx.deleteFrom('approvals').where('ended_ms', '<', untilMs).execute())
    },
  }
}

function summary({ id, roles, identity, expiresMs, operation }: ApprovalRequest): Record<string, unknown> {
  const { repository, ref, commit, workflow, environment, actor } = identity.attributes
  // A person decides by these: a look-alike must not pass for the real one.
  const names = Object.entries({ repository, ref, commit, workflow, environment, actor })
  const place = {
    issuer: identity.issuer,
    ...Object.fromEntries(names.map(([name, value]) => [name, value === undefined ? value : shown(value)])),
  }
  const about =
    operation === undefined
      ? {}
      : {
          operation: operation.operations.map(shown),
          detail: shown(JSON.stringify(operation.detail)),
          step: shown(operation.stepName),
          grant: operation.grant,
        }
  return { approval: id, roles, ...about, ...place, expires: new Date(expiresMs).toISOString() }
}

function rowOf(
  request: ApprovalRequest,
  codeHash: string,
  operationKey: string | undefined,
): Tables['approvals'] {
  const { repository_id, repository, commit } = request.identity.attributes
  return {
    id: request.id,
    code_hash: codeHash,
    jkt: request.jkt,
    state: request.state,
    identity: JSON.stringify(request.identity),
    roles: JSON.stringify(request.roles),
    policy_version: request.policyVersion,
    grants_digest: request.grantsDigest,
    run_id: request.runId,
    issuer: request.identity.issuer,
    repository_id: repository_id ?? null,
    repository: repository ?? null,
    commit_id: commit ?? null,
    created_ms: request.createdMs,
    expires_ms: request.expiresMs,
    ended_ms: null,
    end_reason: null,
    operation: request.operation === undefined ? null : JSON.stringify(request.operation),
    step_id: request.operation?.step ?? null,
    operation_key: operationKey ?? null,
  }
}
