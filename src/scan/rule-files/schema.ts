import { z } from 'zod'
import { isReason } from '../../lib/index.ts'

const text = z.string().min(1).max(500)
const id = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'has to be of small letters and digits, with - between: acme-token')
const pattern = z.string().min(1).max(8_192)
const reason = z.string().trim().max(500).refine(isReason, 'say why, for those who read it later')
const examples = z.array(z.string().min(1).max(4_096)).min(1).max(50)

const rule = z.strictObject({
  id,
  title: text,
  vendor: text.optional(),
  source: text.optional(),
  keywords: z.array(z.string().min(3).max(64)).min(1).max(50),
  pattern,
  ignore_case: z.boolean().optional(),
  reach: z.int().min(1).max(16_384).optional(),
  confidence: z.enum(['certain', 'likely', 'possible']).default('likely'),
  entropy: z.number().min(0).max(8).optional(),
  allow: z.array(pattern).max(100).optional(),
  path: pattern.optional(),
  connection: text.optional(),
  revoke: text.optional(),
  examples: z.strictObject({ positive: examples, negative: examples }),
})

const several = z.array(z.string().min(1).max(4_096)).min(1).max(1_000)

const allow = z
  .strictObject({
    reason,
    until: z.iso.date().optional(),
    rules: z.array(id).min(1).max(100).optional(),
    paths: several.optional(),
    values: several.optional(),
    fingerprints: z
      .array(z.string().regex(/^[0-9a-f]{32}$/, 'a fingerprint has 32 hex digits: a report says it'))
      .min(1)
      .max(10_000)
      .optional(),
  })
  .refine(
    ({ paths, values, fingerprints }) => [paths, values, fingerprints].some((one) => one !== undefined),
    {
      error: 'names no paths, values or fingerprints: to have no finding of a rule at all, use disable',
      path: ['reason'],
    },
  )

/** `.mayfly/scan.yaml`; docs/scan.md says what each key means. */
export const ruleFileSchema = z.strictObject({
  rules: z.array(rule).max(500).default([]),
  disable: z
    .array(z.strictObject({ rule: id, reason }))
    .max(1_000)
    .default([]),
  allow: z.array(allow).max(1_000).default([]),
  unseen: z
    .array(z.strictObject({ reason, paths: several }))
    .max(1_000)
    .default([]),
  gitleaks_allow_comments: z.boolean().default(false),
})

export type RuleEntry = z.output<typeof rule>
export type RuleFile = z.output<typeof ruleFileSchema>
