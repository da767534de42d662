import { z } from 'zod'

const pattern = z.string().min(1).max(16_384)
const patterns = z.array(pattern).max(5_000)

/** As gitleaks' README and its code have it; what it does not know it passes over, and so do we, but by name. */
const allowlist = z.looseObject({
  description: z.string().max(1_000).optional(),
  targetRules: z.array(z.string().max(200)).max(2_000).optional(),
  condition: z.string().max(10).optional(),
  commits: z.array(z.string().max(100)).max(10_000).optional(),
  paths: patterns.optional(),
  regexTarget: z.string().max(10).optional(),
  regexes: patterns.optional(),
  stopwords: z.array(z.string().min(1).max(500)).max(10_000).optional(),
})

const rule = z.looseObject({
  id: z.string().min(1).max(200),
  description: z.string().max(2_000).optional(),
  regex: pattern.optional(),
  secretGroup: z.int().min(0).max(100).optional(),
  entropy: z.number().min(0).max(8).optional(),
  keywords: z.array(z.string().max(500)).max(500).optional(),
  path: pattern.optional(),
  tags: z.array(z.string()).optional(),
  allowlist: allowlist.optional(),
  allowlists: z.array(allowlist).max(100).optional(),
})

export const gitleaksSchema = z.looseObject({
  title: z.string().optional(),
  extend: z
    .looseObject({
      useDefault: z.boolean().optional(),
      path: z.string().optional(),
      url: z.string().optional(),
      disabledRules: z.array(z.string().max(200)).max(2_000).optional(),
    })
    .optional(),
  rules: z.array(rule).max(2_000).default([]),
  allowlist: allowlist.optional(),
  allowlists: z.array(allowlist).max(500).optional(),
})

export type GitleaksFile = z.output<typeof gitleaksSchema>
export type GitleaksRule = z.output<typeof rule>
export type GitleaksAllowlist = z.output<typeof allowlist>

/** What of each there is a counterpart for, or nothing to do. */
export const knownKeys = {
  file: ['title', 'description', 'extend', 'rules', 'allowlist', 'allowlists', 'minVersion'],
  extend: ['useDefault', 'disabledRules'],
  rule: Object.keys(rule.shape),
  allowlist: Object.keys(allowlist.shape),
}
