import { z } from 'zod'
import { isolations } from '../lib/index.ts'
import { duration } from './name-schema.ts'

const hostPatterns = z.array(z.string().min(1)).max(200).optional()
const grantPatterns = z.array(z.string().min(1)).max(200).default([])

/** What no role may exceed, whoever writes it. */
export const limitsSchema = z
  .strictObject({
    max_ttl: duration.optional().describe('No role may live longer.'),
    max_wait: duration.optional().describe('No role may wait longer for its step.'),
    forbidden_grants: grantPatterns.describe(
      'Grants that no role may hold, nor any that reaches into them: `git:push *@refs/heads/main`, `git:push github/octo/infra`.',
    ),
    require_approval: grantPatterns.describe('Grants that only a role with `approval` may hold.'),
    egress: hostPatterns.describe(
      'The most that roles may name under their own `egress`, as patterns of host:port: `*.example.org:443`. Empty: none may name any. Left out: anything.',
    ),
    private_egress: hostPatterns.describe(
      'The same for private hosts: `*.corp.internal:443`. Empty: no role may name a private host.',
    ),
    isolation: z
      .enum(isolations)
      .exclude(['none'])
      .optional()
      .describe('The least isolation of every role: none may name a weaker one.'),
  })
  .describe('The ceiling of the organisation: a role that exceeds it is refused when the file is loaded.')

export type LimitsConfig = z.output<typeof limitsSchema>
