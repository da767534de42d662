import { z } from 'zod'
import { name } from './name-schema.ts'
import { trustAttributes } from './trust-schema.ts'

const verdict = z.enum(['allow', 'deny'])
const value = z.union([z.string(), z.boolean().transform(String)])
const claims = z.record(z.string(), value)
// A misspelt attribute would be one that the job does not have, and a test that expects a denial would pass.
const identity = z.strictObject(
  Object.fromEntries([...trustAttributes].map((attribute) => [attribute, value.optional()])),
)

const policyTest = z
  .strictObject({
    name: z.string().min(1).max(200),
    issuer: name.describe('A name under `issuers`.'),
    identity: identity.optional().describe('The job in the words of `trust`: repository_id, ref, event, ...'),
    claims: claims
      .optional()
      .describe('The job as its CI’s token says it: repository_owner_id, event_name, ...'),
    role: name,
    expect: verdict.describe('May this job assume the role?'),
    operations: z
      .array(
        z.strictObject({
          operation: z.string().min(1).describe('`git:push github/octo/app@refs/tags/v1`.'),
          expect: verdict,
        }),
      )
      .max(200)
      .default([])
      .describe('What a session in the role may do.'),
  })
  .refine((test) => test.expect === 'allow' || test.operations.length === 0, {
    error: 'a job that may not assume the role can do nothing in it: leave `operations` out',
    path: ['operations'],
  })

export const policyTests = z
  .array(policyTest)
  .max(1000)
  .default([])
  .describe('Run before every `mayfly apply`, and by `mayfly policy test`: one that fails stops it.')

/** `policies/*.test.yaml`. */
export const policyTestFile = z.strictObject({ tests: policyTests })

export type PolicyTest = z.output<typeof policyTest>
