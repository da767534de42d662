import { z } from 'zod'
import { noSuch } from '../../lib/index.ts'
import type { RecordingRow, Recordings } from '../../recordings/index.ts'
import type { Route } from '../route.ts'

const recording = z.object({
  id: z.string(),
  run: z.string(),
  step: z.string(),
  connection: z.string(),
  operation: z.string(),
  started: z.string(),
  ended: z.string().nullable(),
  bytes: z.int(),
  sha256: z.string().nullable().describe('Of the file, in hex; once it has ended.'),
  removed: z.string().nullable(),
})

/** What steps saw at terminals of hosts. */
export function recordingRoutes({ recordings }: { recordings: Recordings }): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/recordings',
      summary: 'Recordings of sessions at terminals, the newest first; of one run with ?run=ID',
      auth: 'session:read',
      response: z.object({ recordings: z.array(recording) }),
      async handle({ query }) {
        const { run } = query
        const rows = await recordings.list(typeof run === 'string' ? run : undefined)
        return { recordings: rows.map(describe) }
      },
    },
    {
      method: 'GET',
      path: '/v1/recordings/:id',
      summary: 'What is known of one recording',
      auth: 'session:read',
      response: recording,
      handle: async ({ params }) => describe(found(recordings, params['id'] ?? '')),
    },
    {
      method: 'GET',
      path: '/v1/recordings/:id/cast',
      summary: 'Its bytes, asciicast v2, as far as there are any now',
      auth: 'session:read',
      response: z.string(),
      responseType: 'bytes',
      async handle({ params }) {
        const { id } = found(recordings, params['id'] ?? '')
        return (await recordings.read(id)) ?? Buffer.alloc(0)
      },
    },
  ]
}

function found(recordings: Recordings, id: string): RecordingRow {
  const row = recordings.find(id)
  if (row === undefined) throw noSuch('recording called', id, [])
  return row
}

function describe(row: RecordingRow): z.output<typeof recording> {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    ...{ id: row.id, run: row.run_id, step: row.step_id, connection: row.connection },
    ...{ operation: row.operation, bytes: row.bytes, sha256: row.sha256 },
    started: iso(row.started_ms),
    ended: row.ended_ms === null ? null : iso(row.ended_ms),
    removed: row.removed_ms === null ? null : iso(row.removed_ms),
  }
}
