import { systemClock } from '../lib/index.ts'
import { reportShadow } from '../policy/index.ts'
import { print } from './output.ts'
import { spanSeconds } from './policy-input.ts'
import { readDecisions } from './policy-past.ts'
import { visible } from './story.ts'

export async function reportShadowMode(options: {
  since: string
  folder?: string
  data?: string
  json: boolean
}): Promise<void> {
  const sinceMs = systemClock.nowMs() - spanSeconds(options.since) * 1000
  const roles = reportShadow(await readDecisions(options, sinceMs))
  const lines = roles.flatMap(({ role, operations, missing, cut }) => [
    `role "${role}" would have been denied:`,
    ...operations.map(({ operation, count, last }) => `  ${operation} (${count} times, last ${last})`),
    ...(cut === 0 ? [] : [`  and more: ${cut} entries had no room for all of their operations`]),
    `to allow it, add to roles.${role}.grants:`,
    ...missing.map((grant) => `  - ${grant}`),
  ])
  print(options.json, { roles }, lines.length === 0 ? ['nothing would have been denied'] : lines.map(visible))
}
