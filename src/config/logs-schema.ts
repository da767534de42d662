import { z } from 'zod'
import { sizeBytes, size } from './sandbox-schema.ts'

export const keepTime = z
  .string()
  .regex(/^(?:none|[1-9][0-9]{0,3}[hd])$/, 'a time such as 12h or 30d, or none')

/** How long the server keeps what steps showed. */
export const logsSchema = z
  .strictObject({
    keep: keepTime
      .default('30d')
      .describe('How long the masked log of a step is kept after its end; `none`: not at all.'),
    max_total: size
      .default('10GiB')
      .describe(
        'Of all logs together, compressed. Beyond it the oldest are removed, of the repository that has most.',
      ),
    max_step: size.default('100MiB').describe('Of one step, plain; what it says beyond that is not kept.'),
  })
  .prefault({})
  .describe('The logs of steps, which `mayfly logs` shows.')

export type LogsConfig = z.output<typeof logsSchema>

/** The same in seconds and bytes; without a policy, what is said by default. */
export function logLimits(config: LogsConfig = logsSchema.parse({})) {
  const { keep, max_total, max_step } = config
  return {
    keepSeconds: keepSeconds(keep),
    maxTotalBytes: sizeBytes(max_total),
    maxStepBytes: sizeBytes(max_step),
  }
}

/** 0: nothing is kept. */
export function keepSeconds(time: string): number {
  const unit = time.endsWith('d') ? 86_400 : 3_600
  return time === 'none' ? 0 : Number(time.slice(0, -1)) * unit
}
