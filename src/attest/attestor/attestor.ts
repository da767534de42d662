import { MayflyError, messageOf, noSuch } from '../../lib/index.ts'
import type { Broker } from '../../broker/index.ts'
import type { LogSource } from '../../audit/verify/index.ts'
import type { BundleSigner } from '../sign/index.ts'
import { attestationsAbout } from './about.ts'
import { gatherFacts, type FactsDeps } from './facts.ts'
import { createInTurn } from './in-turn.ts'
import { intentsOf, type AtEnd } from './intents.ts'
import { countsOf, findAttestations, statesOf, storedOf } from './lookups.ts'
import type { Attestor, Handed, RunAttestations } from './model.ts'
import { createNews } from './news.ts'
import { createReceipts } from './receipts.ts'
import { createRetention } from './retention.ts'
import { createRows } from './rows.ts'
import { advance } from './signing.ts'
import type { Statements } from './statement.ts'
import { createVerifying } from './verifying.ts'
import type { Trust } from '../verify/index.ts'

export interface AttestorDeps extends FactsDeps {
  readonly outbox: () => Broker['outbox']
  readonly statements: Statements
  /** What signs about this step. Throws why nothing can be signed now: `bad_token`, if only its own job could change that. */
  readonly signer: (stepId: string) => Promise<BundleSigner>
  /** Where the audit log is read, and its key. */
  readonly auditLog: { readonly source: LogSource; readonly verifierKey: string }
  readonly receipts: () => 'published' | 'always'
  readonly retentionMs: () => number
  /** Whose signatures count, by the trust document in force. Throws if there is none. */
  readonly trust: () => Promise<Trust>
}

/** Signings under way at a time in one server: a queue at a key service helps nobody. */
const lanes = 8
/** A receipt is of what is published, which takes the log a moment. */
const firstReceiptMs = 300

export function createAttestor(deps: AttestorDeps): Attestor {
  const { store, clock } = deps
  const rows = createRows(deps)
  const receipts = createReceipts({ store, clock, ...deps.auditLog })
  const news = createNews()
  const inTurn = createInTurn(lanes)
  const signing = { ...deps, rows, receipts, onSigned: () => news.tell() }
  const removeOld = createRetention(deps)
  const underWay = new Set<Promise<void>>()
  let working: Promise<void> | undefined
  let closed = false

  /** One that is due, if nobody is at it. */
  function take(id?: string): Promise<boolean> {
    const taking = inTurn(async () => {
      const row = closed ? undefined : await rows.claim(id)
      if (row !== undefined) await advance(row, signing)
      return row !== undefined
    })
    const done = taking.then(
      () => undefined,
      () => undefined,
    )
    underWay.add(done)
    void done.then(() => underWay.delete(done))
    return taking
  }

  async function workThrough(): Promise<void> {
    const lane = async () => {
      while (!closed && (await take())) continue
    }
    // Mostly there is nothing: that is found out once.
    if (await take()) await Promise.all(Array.from({ length: lanes }, lane))
  }

  async function handedOf(stepId: string): Promise<Handed> {
    const all = (await rows.of(stepId)).filter(({ kind }) => kind !== 'receipt')
    const bundles = all.filter(({ state, bundle }) => state === 'signed' && bundle !== null).map(storedOf)
    const failures = all.filter(({ state }) => state === 'failed').map(({ failure }) => failure ?? '')
    return { bundles, failures, pending: all.some(({ state }) => state === 'due') }
  }

  async function ofRun(runId: string, digest: string | undefined): Promise<RunAttestations> {
    const { found } = await findAttestations(store, {
      runId,
      limit: 100,
      ...(digest === undefined ? {} : { digest }),
    })
    const due = await store.read
      .selectFrom('attestations')
      .select(['step_id', 'kind'])
      .where('run_id', '=', runId)
      .where('state', '=', 'due')
      // A receipt is no condition of a deployment: it is made after the end of all.
      .where('kind', '!=', 'receipt')
      .execute()
    if (due.length === 0 || digest === undefined) return { found, pending: due.length > 0 }
    const steps = await store.read
      .selectFrom('run_artifacts')
      .select('step_id')
      .where('run_id', '=', runId)
      .where('digest', '=', digest)
      .execute()
    const about = new Set(steps.map(({ step_id }) => step_id))
    return { found, pending: due.some(({ step_id }) => about.has(step_id)) }
  }

  /** Has one signed that is due, for so long. */
  async function signedBy(id: string, waitMs: number, never: string) {
    const until = performance.now() + waitMs
    for (;;) {
      await within(take(id), Math.max(until - performance.now(), 0))
      const row = store.find('attestations', { id })
      if (row?.state === 'signed' && row.bundle !== null) return storedOf(row)
      if (row?.state === 'failed') return new MayflyError('bad_input', `${never}: ${row.failure}`)
      if (performance.now() >= until) return 'pending'
      await new Promise((next) => setTimeout(next, firstReceiptMs))
    }
  }

  const atEnd: Attestor['atEnd'] = async (step, outcome, log) => {
    const of = { runId: step.session.runId, stepId: step.id }
    let end: AtEnd
    try {
      const gathered = await gatherFacts(step, outcome, log, deps)
      end = intentsOf(gathered, deps.receipts(), deps.statements)
    } catch (error) {
      // The step ends all the same; that nothing can be said of it is not hidden.
      const failure = `what is known of the step could not be gathered: ${messageOf(error)}`
      const failed = { kind: 'provenance', state: 'failed', failure: failure.slice(0, 500) } as const
      end = { intents: [failed], dependencies: null }
    }
    return async (tx) => {
      await rows.add(tx, of, end.intents)
      await tx
        .updateTable('steps')
        .set({ dependencies: end.dependencies })
        .where('id', '=', step.id)
        .execute()
    }
  }

  async function handed(stepId: string, waitMs: number): Promise<Handed> {
    const due = (await rows.of(stepId)).filter(({ kind, state }) => kind !== 'receipt' && state === 'due')
    await within(Promise.all(due.map(({ id }) => take(id))), waitMs)
    return await handedOf(stepId)
  }

  return {
    atEnd,
    async beforeEnd(step, outcome, waitMs) {
      const keep = await atEnd(step, outcome, undefined)
      await store.write(keep)
      return await handed(step.id, waitMs)
    },
    handed,

    find: (query) => findAttestations(store, query),
    about: (digest, asked) => attestationsAbout(store, digest, asked),

    async ofRun(runId, digest, waitMs = 0) {
      const until = performance.now() + waitMs
      for (;;) {
        const leftMs = until - performance.now()
        // Listened to before it is looked: what is signed in between is not missed.
        const signed = news.next(Math.min(Math.max(leftMs, 0), pollMs))
        const now = await ofRun(runId, digest)
        if (!now.pending || leftMs <= 0) return now
        await signed
      }
    },

    states: (query) => statesOf(store, query),

    async receipt(stepId, waitMs) {
      const known = store.find('attestations', { step_id: stepId, kind: 'receipt' })
      if (known === undefined) return noReceipt(stepId, store.find('steps', { id: stepId })?.ended_ms)
      if (known.state === 'signed' && known.bundle !== null) return storedOf(known)
      if (known.state === 'signed')
        return new MayflyError(
          'not_found',
          `the receipt of ${stepId} was kept as long as the server keeps them`,
        )
      await store.write((tx) =>
        tx
          .updateTable('attestations')
          .set({ state: 'due', due_ms: clock.nowMs() })
          .where('id', '=', known.id)
          .where('state', 'in', ['kept', 'failed', 'due'])
          .execute(),
      )
      return await signedBy(known.id, waitMs, 'there will be no receipt')
    },

    async retry(id) {
      const changed = await store.write((tx) =>
        tx
          .updateTable('attestations')
          .set({ state: 'due', due_ms: clock.nowMs(), attempts: 0 })
          .where('state', 'in', ['due', 'failed'])
          .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
          .executeTakeFirst(),
      )
      return Number(changed.numUpdatedRows)
    },

    counts: () => countsOf(store, clock),

    verify: createVerifying({
      ...{ ...deps, rows, about: (digest, demands) => attestationsAbout(store, digest, { demands }) },
      signed: (id, waitMs) => signedBy(id, waitMs, 'it cannot be signed'),
    }),

    work() {
      working ??= Promise.all([workThrough(), removeOld()])
        .then(() => undefined)
        .finally(() => (working = undefined))
      return working
    },

    async close() {
      closed = true
      news.close()
      // What is under way is finished, or its claim lapses.
      await within(Promise.all(underWay), closingMs)
    },
  }
}

/** Another server may have signed it: it is looked at again so often. */
const pollMs = 250
const closingMs = 5_000

function noReceipt(stepId: string, endedMs: number | null | undefined): MayflyError {
  if (endedMs === undefined) return noSuch('step', stepId, [])
  return endedMs === null
    ? new MayflyError('conflict', `step ${stepId} still runs: its receipt is made when it has ended`)
    : new MayflyError('not_found', `what the receipt of ${stepId} would be made of is no more kept (90 days)`)
}

async function within(act: Promise<unknown>, waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs)
    timer.unref()
  })
  await Promise.race([act.then(() => undefined), late]).finally(() => clearTimeout(timer))
}
