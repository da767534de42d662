import { z } from 'zod'

/** What a subject of ours may be made of, and whose word it is. */
export const subjectClaims = [
  'role',
  'repository',
  'repository_id',
  'owner_id',
  'ref',
  'environment',
] as const

const literal = '[A-Za-z0-9._/@-]'
const part = `(?:${literal}|\\{(?:${subjectClaims.join('|')})\\})`

const subject = z
  .string()
  .max(200)
  .regex(
    new RegExp(`^${literal}+(?::${part}+)+$`),
    `parts between \`:\`, the first of them plain: letters, digits, \`._/@-\`, and {${subjectClaims.join('}, {')}}`,
  )
  .refine(
    (text) => !/\}[^:]*\{/.test(text),
    'one {claim} in each part: two side by side would let one value pass for another; put `:` between them',
  )

export const audience = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'printable ASCII without spaces')

/** `identity` of a role: as whom its steps meet upstreams that trust Mayfly's own OIDC issuer. */
export const roleIdentity = z
  .strictObject({
    subject: subject
      .optional()
      .describe(
        'The `sub` of tokens for this role; `role:NAME` if left out. `repo:{repository_id}:deploy` tells repositories apart that share the role. No two roles may have a subject in common.',
      ),
    audiences: z
      .array(audience)
      .max(20)
      .default([])
      .describe(
        'For whom tokens may be signed for it, beside those that its connections’ credentials name: `sts.amazonaws.com`.',
      ),
  })
  .describe('How upstreams that trust Mayfly’s own OIDC issuer know its steps.')

/** `identity_tokens` of mayfly.yaml. */
export const identityTokens = z
  .strictObject({
    rotate_after: z
      .string()
      .regex(/^(?:[1-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5])d$/, 'days, 1d to 365d')
      .default('90d')
      .describe('How long a signing key signs until the next one does.'),
    audiences: z
      .array(audience)
      .max(20)
      .default([])
      .describe('For whom Mayfly’s server may have tokens of its own, as `server:PURPOSE`.'),
  })
  .prefault({})
  .describe('The tokens of Mayfly’s own OIDC issuer.')
