import { z } from 'zod'
import { keepSeconds, keepTime } from './logs-schema.ts'
import { sizeBytes, size } from './sandbox-schema.ts'

/** How long the server keeps what steps saw at terminals of hosts. */
export const recordingsSchema = z
  .strictObject({
    keep: keepTime
      .default('90d')
      .describe('How long the recording of a session is kept after its beginning; `none`: none is made.'),
    max_total: size
      .default('10GiB')
      .describe('Of all recordings together. Where there is no room for a new one, no session begins.'),
  })
  .prefault({})
  .describe(
    'Recordings of sessions at terminals of SSH hosts: shells, and commands with a terminal. `mayfly recording` shows them.',
  )

/** The same in seconds and bytes; without a policy, what is said by default. */
export function recordingLimits(config: z.output<typeof recordingsSchema> = recordingsSchema.parse({})) {
  return { keepSeconds: keepSeconds(config.keep), maxTotalBytes: sizeBytes(config.max_total) }
}
