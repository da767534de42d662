import { z } from 'zod'
import { sizeBytes, size } from './sandbox-schema.ts'

/** What the gateway keeps of packages. */
export const cacheSchema = z
  .union([z.literal('off'), z.strictObject({ size: size.describe('What is unused longest goes first.') })])
  .default({ size: '10GiB' })
  .describe(
    'Files of packages that the gateway keeps for later steps, of all runs: each is granted, recorded and held against its digest as if it came from its registry. `off`: none, and those that there are are removed.',
  )

/** 0: nothing is kept. */
export function cacheBytes(config: z.output<typeof cacheSchema>): number {
  return config === 'off' ? 0 : sizeBytes(config.size)
}
