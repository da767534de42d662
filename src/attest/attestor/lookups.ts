import type { Selectable } from 'kysely'
import type { Store, Tables } from '../../store/index.ts'
import type { AttestationState, AttestCounts, Page, Query, StatesQuery, StoredAttestation } from './model.ts'
import type { Clock } from '../../lib/index.ts'
import { isOfJob } from './job-filter.ts'
import { unpacked } from './packed.ts'

type Row = Selectable<Tables['attestations']>

const defaultPage = 30
const largestPage = 100
/** Together in one answer; one bundle alone may be larger. */
const pageBytes = 8 * 1024 * 1024

/** Those that may be handed out, in the order in which they were made. */
export async function findAttestations(store: Store, query: Query): Promise<Page> {
  const limit = Math.min(Math.max(query.limit ?? defaultPage, 1), largestPage)
  const { digest, runId, stepId, predicateType, demands, after } = query
  const rows = await handedOut(store, digest)
    .$if(runId !== undefined, (q) => q.where('run_id', '=', runId ?? ''))
    .$if(stepId !== undefined, (q) => q.where('step_id', '=', stepId ?? ''))
    .$if(demands !== undefined, (q) => q.where((e) => isOfJob(e, { demands: demands ?? {} })))
    .$if(predicateType !== undefined, (q) => q.where('predicate_type', '=', predicateType ?? ''))
    .$if(after !== undefined, (q) => q.where('id', '>', after ?? ''))
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  const found = inOnePage(rows.slice(0, limit))
  const last = found.at(-1)
  return found.length < rows.length && last !== undefined ? { found, next: last.id } : { found }
}

/** Those that may be handed out, of a digest or of all. */
export function handedOut(store: Store, digest: string | undefined) {
  return store.read
    .selectFrom('attestations')
    .selectAll()
    .where('state', '=', 'signed')
    .where('bundle', 'is not', null)
    .$if(digest !== undefined, (q) =>
      q.where('id', 'in', (e) =>
        e
          .selectFrom('attestation_subjects')
          .select('attestation_id')
          .where('digest', '=', digest ?? ''),
      ),
    )
}

/** The first of these, as many as have the bytes of a page: a bundle of a few bytes may unpack to 16 MiB. */
export function inOnePage(rows: readonly Row[]): StoredAttestation[] {
  const found: StoredAttestation[] = []
  let bytes = 0
  for (const row of rows) {
    const stored = storedOf(row)
    bytes += stored.bundle.length + (stored.text ?? '').length
    if (found.length > 0 && bytes > pageBytes) break
    found.push(stored)
  }
  return found
}

export function storedOf(row: Row): StoredAttestation {
  return {
    id: row.id,
    kind: row.kind,
    ...(row.predicate_type === null ? {} : { predicateType: row.predicate_type }),
    ...unpacked(row.bundle ?? new Uint8Array()),
    ...ofStep(row),
    logIndex: row.log_index ?? 0,
    createdMs: row.created_ms,
  }
}

function ofStep({ kind, run_id: runId, step_id: stepId }: Pick<Row, 'kind' | 'run_id' | 'step_id'>) {
  return kind === 'vsa' ? {} : { runId, stepId }
}

const listed = 200

/** The newest first, from before `before`. */
export async function statesOf(
  store: Store,
  { runId, stepId, state, before, limit: asked = listed }: StatesQuery,
): Promise<{ states: AttestationState[]; next?: string }> {
  const limit = Math.min(asked, listed)
  const rows = await store.read
    .selectFrom('attestations')
    .select([
      ...(['id', 'kind', 'state', 'run_id', 'step_id', 'predicate_type', 'created_ms'] as const),
      ...(['signed_ms', 'due_ms', 'attempts', 'failure', 'removed_ms'] as const),
    ])
    .$if(runId !== undefined, (q) => q.where('run_id', '=', runId ?? ''))
    .$if(stepId !== undefined, (q) => q.where('step_id', '=', stepId ?? ''))
    .$if(state !== undefined, (q) => q.where('state', '=', state ?? 'due'))
    .$if(before !== undefined, (q) => q.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const states = shown.map((row) => ({
    ...{ id: row.id, kind: row.kind, state: row.state, ...ofStep(row) },
    ...(row.predicate_type === null ? {} : { predicateType: row.predicate_type }),
    createdMs: row.created_ms,
    ...(row.signed_ms === null ? {} : { signedMs: row.signed_ms }),
    ...(row.due_ms === null ? {} : { dueMs: row.due_ms }),
    attempts: row.attempts,
    ...(row.failure === null ? {} : { failure: row.failure }),
    ...(row.removed_ms === null ? {} : { removedMs: row.removed_ms }),
  }))
  return rows.length > shown.length && last !== undefined ? { states, next: last.id } : { states }
}

/** What waits longer is told to whoever watches the server. */
const lateMs = 60_000

export async function countsOf(store: Store, clock: Clock): Promise<AttestCounts> {
  const rows = await store.read
    .selectFrom('attestations')
    .select((e) => ['state', e.fn.countAll<number>().as('count')])
    .where('state', 'in', ['due', 'failed', 'signed'])
    .where('removed_ms', 'is', null)
    .groupBy('state')
    .execute()
  const of = (state: string) => rows.find((row) => row.state === state)?.count ?? 0
  const late = await store.read
    .selectFrom('attestations')
    .select((e) => [e.fn.countAll<number>().as('count'), e.fn.min('created_ms').as('since')])
    .where('due_ms', 'is not', null)
    .where('attempts', '>', 0)
    .where('created_ms', '<', clock.nowMs() - lateMs)
    .executeTakeFirst()
  const why = await store.read
    .selectFrom('attestations')
    .select('failure')
    .where('due_ms', 'is not', null)
    .where('failure', 'is not', null)
    .orderBy('created_ms')
    .limit(1)
    .executeTakeFirst()
  const since = late?.since ?? null
  return {
    ...{ due: of('due'), failed: of('failed'), signed: of('signed'), late: late?.count ?? 0 },
    ...(since === null ? {} : { sinceMs: since }),
    ...(why?.failure === null || why?.failure === undefined ? {} : { why: why.failure }),
  }
}
