import { z } from 'zod'
import { noSuch } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import { supervisorReasons } from './routes/step-bodies.ts'

const keptLog = z.object({
  state: z.enum(['open', 'sealed', 'removed']),
  bytes: z.int().optional().describe('Plain; once it is sealed.'),
  sha256: z.string().optional().describe('Of the plain bytes; once it is sealed.'),
  removed: z.string().optional(),
  why: z.string().optional().describe('`age`, `space`, `erased`, `lost`'),
})

const stepOfRun = z.object({
  step: z.string(),
  name: z.string(),
  role: z.string(),
  started: z.string(),
  ended: z.string().nullable(),
  reason: z.string().nullable(),
  exit_code: z.int().nullable(),
  growing: z.boolean().describe('More of its log may come.'),
  log: keptLog.nullable().describe('Null if it has said nothing yet.'),
})

export const runLogsAnswer = z.object({
  run: z.string(),
  open: z.boolean().describe('Further steps may come.'),
  steps: z.array(stepOfRun),
})

/** With these nothing comes after the end. */
const ownEnds: ReadonlySet<string> = new Set([...supervisorReasons, 'not_started'])

/** The steps of a run in the order in which they began. Throws `not_found` for a run that nobody knows. */
export async function runLogs(store: Store, run: string): Promise<z.output<typeof runLogsAnswer>> {
  const sessions = await store.read
    .selectFrom('sessions')
    .select('id')
    .where('run_id', '=', run)
    .where('ended_ms', 'is', null)
    .execute()
  // Sessions that have ended have no index by run: of their steps those are found that have a log.
  const logged = await store.read
    .selectFrom('step_logs')
    .select('step_id')
    .where('run_id', '=', run)
    .execute()
  if (sessions.length === 0 && logged.length === 0 && store.find('runs', { id: run }) === undefined)
    throw noSuch('run called', run, [])
  const rows = await store.read
    .selectFrom('steps')
    .leftJoin('step_logs', 'step_logs.step_id', 'steps.id')
    .selectAll('step_logs')
    .select(['id', 'name', 'role', 'created_ms', 'ended_ms', 'end_reason', 'exit_code'])
    .where((e) =>
      e.or([
        e('steps.id', 'in', idsOf(logged.map((row) => row.step_id))),
        e('steps.session_id', 'in', idsOf(sessions.map((row) => row.id))),
      ]),
    )
    .orderBy('created_ms')
    .orderBy('id')
    .limit(maxSteps)
    .execute()
  const steps = rows.map((row) => ({
    step: row.id,
    name: row.name,
    role: row.role,
    started: iso(row.created_ms),
    ended: row.ended_ms === null ? null : iso(row.ended_ms),
    reason: row.end_reason,
    exit_code: row.exit_code,
    growing:
      row.ended_ms === null ||
      (row.sealed_ms === null && row.step_id !== null && !ownEnds.has(row.end_reason ?? '')),
    log: row.step_id === null ? null : logOf(row),
  }))
  return { run, open: sessions.length > 0, steps }
}

const maxSteps = 1_000

/** A list in SQL has at least one member. */
function idsOf(ids: readonly string[]): readonly string[] {
  return ['', ...ids]
}

function logOf(row: {
  sealed_ms: number | null
  removed_ms: number | null
  remove_reason: string | null
  bytes: number | null
  sha256: string | null
}): z.output<typeof keptLog> {
  if (row.removed_ms !== null)
    return { state: 'removed', removed: iso(row.removed_ms), why: row.remove_reason ?? 'age' }
  if (row.sealed_ms === null) return { state: 'open' }
  return { state: 'sealed', bytes: row.bytes ?? 0, sha256: row.sha256 ?? '' }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
