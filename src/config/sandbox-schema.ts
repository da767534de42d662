import { z } from 'zod'
import { duration } from './name-schema.ts'

/** What a role may allow its steps beside its grants. */
const allowances = ['nested-namespaces', 'shared-workspace', 'startup-variables'] as const

export type Allowance = (typeof allowances)[number]

const units = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** Bytes of a size such as `512MiB`. */
export function sizeBytes(text: string): number {
  const unit = text.slice(-3) as keyof typeof units
  return Number(text.slice(0, -3)) * units[unit]
}

export const size = z.string().regex(/^[1-9][0-9]{0,4}(?:KiB|MiB|GiB|TiB)$/, 'a size such as 512MiB or 4GiB')

export const port = z.int('a port').min(1, 'a port').max(65_535, 'a port')

/** Keys of a role that say how its steps run. */
export const sandboxKeys = {
  allow: z
    .array(z.enum(allowances))
    .max(allowances.length)
    .default([])
    .describe(
      '`nested-namespaces`: rootless container builds work inside the step. `shared-workspace`: a step in this role may run in a workspace that other steps have written to, although the role writes. `startup-variables`: a step may hand variables on that change how later programs start (LD_PRELOAD, NODE_OPTIONS, ...).',
    ),
  services: z
    .array(port)
    .max(32)
    .default([])
    .describe(
      'Ports on the runner’s own localhost that a step may reach, if its pipeline names them, too: databases that the CI started for the job.',
    ),
  limits: z
    .strictObject({
      memory: size
        .default('16GiB')
        .describe('Of all its processes together; never more than the machine has.'),
      processes: z.int().min(1).max(4_194_304).default(4_096).describe('Processes and threads at once.'),
      cpus: z.number().min(0.1).max(1_024).optional().describe('Processors; all of the machine if left out.'),
      disk: size.default('50GiB').describe('What it may write to the workspace and to folders in memory.'),
      open_files: z.int().min(64).max(1_048_576).default(65_536).describe('Of each process.'),
      time: duration.optional().describe('How long a step may run; until the end of the role if left out.'),
      output: size.default('1GiB').describe('What it may print.'),
    })
    .prefault({})
    .describe('What one step may use up before it is ended; the end names the limit.'),
}
