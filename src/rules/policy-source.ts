import { z } from 'zod'

/** Where a policy came from, as who applied it says: a commit; or an earlier version, which we know. */
export const policySource = z.union([
  z.strictObject({
    repository: z.string().min(1).max(500),
    ref: z.string().min(1).max(300),
    commit: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/),
  }),
  z.strictObject({ rollback: z.int().min(1) }),
])
export type PolicySource = z.output<typeof policySource>
