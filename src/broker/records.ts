import type { RunId, SessionId, StepId } from '../lib/index.ts'
import type { Clock } from '../lib/index.ts'
import type { Identity } from '../identity/index.ts'
import type { QueryCreator } from 'kysely'
import type { RunNumbers } from '../audit/client/index.ts'
import { insertOnce, insertRow, type Store, type Tables } from '../store/index.ts'
import { entriesLost, lifetimeOf, sessionEnded, stepFinished, type StepRequest } from './events.ts'
import type { Decision, End, KeptLog, Session, Step, StepOutcome } from './model.ts'
import type { Outbox } from './outbox.ts'
import { endRun } from './run-end.ts'
import { actorOf, endIn, newSession, rolesOf, usedToken, wasTokenUsed } from './rows.ts'
import { runState } from './run-numbers.ts'
import { decidedBefore, decideFirst } from './step-decision.ts'

/** Sessions and steps as rows. An end is written together with its entries, which the outbox delivers. */
export interface Records {
  wasUsed(identity: Identity): boolean
  /** Uses the identity token up, or what stands for it, and keeps the session: both or neither. */
  addSession(session: Session, opened: OpenedBy): Promise<void>
  /** A session that has not ended; with `ended`, one that has. */
  session(id: SessionId, options?: { ended: true }): Promise<Session | undefined>
  /** True while no entry of the run has been kept. */
  isNewRun(run: RunId): boolean
  /** Says in the log which numbers of a run may be missing there. */
  recordLost(): Promise<void>
  /** `entry`: the index of its first entry. */
  addStep(step: Step, request: StepRequest, entry: number): Promise<void>
  /** The roles that steps of the run have had in this workspace; in any, if it is not said which. */
  rolesIn(run: RunId, workspace: string): Promise<string[]>
  /** How a step that has ended did. */
  stepEnd(id: StepId): End | undefined
  sessionEnd(id: SessionId): End | undefined
  heartbeat(step: Step): Promise<void>
  /** Its token was renewed. */
  seen(session: Session): Promise<void>
  /** Those that wait for a step to begin, have none open, and whose token nobody has renewed while it could be. */
  silentSessions(): Promise<SessionId[]>
  waitingSessions(limit: number): Promise<WaitingSession[]>
  /** Ids and sessions of the steps that have not ended. */
  openSteps(): Promise<{ step: Omit<Step, 'session'>; session: SessionId }[]>
  /** Has neither the step nor its session been written as ended? */
  isOpen(step: Step): boolean
  /** Keeps how the step ends, unless that is decided; gives back what stands. */
  decideEnd(step: Step, decision: Decision): Promise<Decision>
  /** Once; a second call changes nothing. Nothing is written, and it comes back, where another end was decided before. */
  endStep(
    step: Step,
    outcome: StepOutcome,
    log: KeptLog | undefined,
    also?: (tx: QueryCreator<Tables>) => Promise<void>,
  ): Promise<Decision | undefined>
  endSession(session: Session, reason: string): Promise<void>
  openSessions(match: SessionMatch): Promise<SessionId[]>
  expiredSessions(): Promise<SessionId[]>
  /** Forgets identity tokens that have expired anyway. */
  forgetTokens(): Promise<void>
}

/** `issuedEntry`: the index of its `session.issued`. */
export interface OpenedBy {
  readonly identity: Identity
  readonly issuedEntry: number
  readonly useUp?: UseUp | undefined
}

/** A session that holds roles for steps which begin later. */
export interface WaitingSession {
  readonly session: string
  readonly run: string
  readonly roles: readonly string[]
  /** Until when a step may begin at most; a role may say less. Milliseconds since the Unix epoch. */
  readonly untilMs: number
}

/** Uses up, in the transaction that makes the session, what it is made for. Throws if it was used before. */
export type UseUp = (tx: QueryCreator<Tables>) => Promise<void>

export interface SessionMatch {
  readonly issuer?: string
  /** The issuer's immutable id of the repository, or its name. */
  readonly repository?: string
  readonly commit?: string
  readonly run?: string
  readonly session?: string
  readonly role?: string
  /** Milliseconds since the Unix epoch. */
  readonly openedBeforeMs?: number
  readonly all?: true
}

/** A token is remembered a little longer than it lives: clocks differ. */
const rememberMs = 60_000

/** An access token lasts 300 s and is renewed while it does: after that nobody can. */
const silentSeconds = 360

export function createRecords(deps: {
  store: Store
  outbox: Outbox
  numbers: RunNumbers
  clock: Clock
  signerOf?: ((identity: Identity) => unknown) | undefined
}): Records {
  const { store, outbox, numbers, clock } = deps

  return {
    wasUsed: (identity) => wasTokenUsed(store, identity),
    async addSession(session, { identity, issuedEntry, useUp }) {
      const rows = () => [
        newSession(session, identity, { signer: deps.signerOf?.(identity), issuedEntry }),
        runState(session.runId, numbers),
      ]
      if (useUp === undefined) return store.writeAll(() => [usedToken(identity), ...rows()])
      await store.write(async (tx, run) => {
        await useUp(tx)
        for (const row of rows()) run(row)
      })
    },
    async session(id, options) {
      const row = await store.read
        .selectFrom('sessions')
        .selectAll()
        .where('id', '=', id)
        .where('ended_ms', options?.ended === true ? 'is not' : 'is', null)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const {
        issuer,
        attributes,
        claims = {},
      } = JSON.parse(row.identity) as Pick<Identity, 'issuer' | 'attributes'> & {
        claims?: Record<string, string>
      }
      return {
        id,
        runId: row.run_id as RunId,
        roles: JSON.parse(row.roles) as string[],
        jkt: row.jkt,
        actor: actorOf({ issuer, attributes }),
        subject: { issuer, attributes },
        claims,
        waitSeconds: row.wait_seconds,
        createdMs: row.created_ms,
        expiresMs: row.expires_ms,
        endReason: row.ended_ms === null ? undefined : (row.end_reason ?? 'ended'),
      }
    },
    stepEnd: (id) => {
      const row = store.find('steps', { id })
      const end = endIn(row)
      if (end === undefined || row === undefined) return end
      const lifetimeSeconds = lifetimeOf({ startedMs: row.created_ms, expiresMs: row.expires_ms })
      return { ...end, role: row.role, lifetimeSeconds }
    },
    sessionEnd: (id) => endIn(store.find('sessions', { id })),
    isNewRun: (run) => store.find('runs', { id: run }) === undefined,
    async recordLost() {
      const failures: unknown[] = []
      for (const [run, lost] of numbers.takeGivenUp()) {
        try {
          await outbox.write(async (_, add) => add(entriesLost(run, lost)))
        } catch (error) {
          for (const number of lost) numbers.giveUp(run, number)
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
    async addStep(step, request, entry) {
      const { workspace } = request
      const row = {
        id: step.id,
        session_id: step.session.id,
        name: step.name,
        role: step.role,
        tier: step.tier,
        created_ms: step.startedMs,
        expires_ms: step.expiresMs,
        heartbeat_ms: step.heartbeatMs,
        ended_ms: null,
        end_reason: null,
        exit_code: null,
        opened: JSON.stringify(request),
        first_entry: entry,
      }
      const place = { run_id: step.session.runId, workspace: workspace?.id ?? '', role: step.role }
      await store.writeAll(() => [
        insertRow('steps', row),
        ...(workspace?.kind === 'fresh' ? [] : [insertOnce('workspaces', place)]),
      ])
    },
    async rolesIn(run, workspace) {
      // A step that did not say where it ran may have run here.
      const query = store.read.selectFrom('workspaces').select('role').distinct().where('run_id', '=', run)
      const rows = await (
        workspace === '' ? query : query.where('workspace', 'in', [workspace, ''])
      ).execute()
      return rows.map(({ role }) => role)
    },
    async heartbeat(step) {
      await store.writeAll((tables) => [
        tables.updateTable('steps').set({ heartbeat_ms: step.heartbeatMs }).where('id', '=', step.id),
      ])
    },
    async seen(session) {
      await store.writeAll((tables) => [
        tables.updateTable('sessions').set({ heartbeat_ms: clock.nowMs() }).where('id', '=', session.id),
      ])
    },
    async silentSessions() {
      const rows = await store.read
        .selectFrom('sessions')
        .select('id')
        .where('ended_ms', 'is', null)
        .where('wait_seconds', '>', 0)
        .where('heartbeat_ms', '<', clock.nowMs() - silentSeconds * 1000)
        .where((e) =>
          e.not(
            e.exists(
              e
                .selectFrom('steps')
                .select('steps.id')
                .whereRef('steps.session_id', '=', 'sessions.id')
                .where('steps.ended_ms', 'is', null),
            ),
          ),
        )
        .execute()
      return rows.map((row) => row.id as SessionId)
    },
    async waitingSessions(limit) {
      const rows = await store.read
        .selectFrom('sessions')
        .select(['id', 'run_id', 'roles', 'created_ms', 'wait_seconds'])
        .where('ended_ms', 'is', null)
        .where('wait_seconds', '>', 0)
        .orderBy('created_ms')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        session: row.id,
        run: row.run_id,
        roles: rolesOf(row),
        untilMs: row.created_ms + row.wait_seconds * 1000,
      }))
    },
    async openSteps() {
      const rows = await store.read.selectFrom('steps').selectAll().where('ended_ms', 'is', null).execute()
      return rows.map(({ id, session_id, decided, ...row }) => ({
        step: {
          id: id as StepId,
          ...{ name: row.name, role: row.role, tier: row.tier },
          startedMs: row.created_ms,
          expiresMs: row.expires_ms,
          heartbeatMs: row.heartbeat_ms,
          endReason: undefined,
          ...(decided === null ? {} : { decided: JSON.parse(decided) as Decision }),
        },
        session: session_id as SessionId,
      }))
    },
    isOpen: (step) =>
      endIn(store.find('steps', { id: step.id })) === undefined &&
      endIn(store.find('sessions', { id: step.session.id })) === undefined,
    decideEnd: (step, decision) => store.write((tx) => decideFirst(tx, step, decision)),
    async endStep(step, outcome, log, also) {
      return await outbox.write(async (tx, add) => {
        const before = await decidedBefore(tx, step)
        if (before !== undefined) return before
        const changed = await tx
          .updateTable('steps')
          .set({
            ended_ms: step.endedMs ?? clock.nowMs(),
            end_reason: step.endReason ?? outcome.reason,
            exit_code: outcome.exitCode ?? null,
            ...{ opened: null, decided: null },
          })
          .where('id', '=', step.id)
          .where('ended_ms', 'is', null)
          .executeTakeFirst()
        if (changed.numUpdatedRows === 0n) return undefined
        await tx.deleteFrom('lockfiles').where('step_id', '=', step.id).execute()
        await tx.deleteFrom('step_artifacts').where('step_id', '=', step.id).execute()
        const owed = await tx.deleteFrom('step_carriers').where('step_id', '=', step.id).executeTakeFirst()
        await also?.(tx)
        add([stepFinished(step, outcome, log, owed.numDeletedRows > 0n)])
        return undefined
      })
    },
    async endSession(session, reason) {
      await outbox.write(async (tx, add) => {
        const changed = await tx
          .updateTable('sessions')
          .set({ ended_ms: clock.nowMs(), end_reason: reason })
          .where('id', '=', session.id)
          .where('ended_ms', 'is', null)
          .executeTakeFirst()
        if (changed.numUpdatedRows === 0n) return
        add([sessionEnded(session, reason)])
        await endRun(tx, add, numbers, session.runId)
      })
    },
    async openSessions({ run, session, role, issuer, repository, commit, openedBeforeMs }) {
      let query = store.read.selectFrom('sessions').select(['id', 'roles']).where('ended_ms', 'is', null)
      if (run !== undefined) query = query.where('run_id', '=', run)
      if (openedBeforeMs !== undefined) query = query.where('created_ms', '<', openedBeforeMs)
      if (session !== undefined) query = query.where('id', '=', session)
      if (issuer !== undefined) query = query.where('issuer', '=', issuer)
      if (commit !== undefined) query = query.where('commit_id', '=', commit)
      if (repository !== undefined)
        query = query.where((e) =>
          e.or([e('repository_id', '=', repository), e('repository', '=', repository)]),
        )
      const rows = await query.execute()
      const matching = role === undefined ? rows : rows.filter((row) => rolesOf(row).includes(role))
      return matching.map((row) => row.id as SessionId)
    },
    async expiredSessions() {
      const rows = await store.read
        .selectFrom('sessions')
        .select('id')
        .where('ended_ms', 'is', null)
        .where('expires_ms', '<=', clock.nowMs())
        .execute()
      return rows.map((row) => row.id as SessionId)
    },
    async forgetTokens() {
      const untilMs = clock.nowMs() - rememberMs
      const stale = await store.read
        .selectFrom('spent_tokens')
        .select('token_id')
        .where('expires_ms', '<', untilMs)
        .limit(1)
        .execute()
      if (stale.length === 0) return
      await store.writeAll((tables) => [tables.deleteFrom('spent_tokens').where('expires_ms', '<', untilMs)])
    },
  }
}
