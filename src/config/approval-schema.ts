import { isIP } from 'node:net'
import { z } from 'zod'

/** What somebody who has signed in may do, by the words of mayfly.yaml. */
export const permissionNames = ['viewer', 'approver', 'operator', 'admin'] as const
export type PermissionName = (typeof permissionNames)[number]

/** The parts of mayfly.yaml that speak of people: who approves, who signs in, who is told. */
export function operatorSchemas(words: {
  name: z.ZodString
  duration: z.ZodString
  secretReference: z.ZodString
  httpsUrl: z.ZodString
}) {
  const { name, duration, secretReference, httpsUrl } = words
  const group = name.describe('A name under `groups`.')
  const count = z.int().min(1).max(20).describe('How many different people of the group.')
  const part = z.strictObject({ group, count: count.default(1) })

  const approval = z
    .strictObject({
      group: group.optional(),
      count: count.optional(),
      all: z
        .array(part)
        .min(2)
        .max(10)
        .optional()
        .describe('Every one of these; a person counts in one of them only.'),
      any: z.array(part).min(2).max(10).optional().describe('Any one of these.'),
      expires: duration.default('30m').describe('How long a step waits; then it has to ask again.'),
      reason: z
        .enum(['required', 'optional'])
        .default('optional')
        .describe('Whether who approves must say why.'),
    })
    .refine(
      ({ group, all, any }) => [group, all, any].filter((one) => one !== undefined).length === 1,
      'say who approves by one of `group`, `all`, `any`',
    )
    .refine(({ group, count }) => group !== undefined || count === undefined, '`count` stands beside `group`')
    .describe(
      'People who must say yes before a session in this role opens; never the one who triggered the run.',
    )

  const people = z
    .record(
      name,
      z.strictObject({
        logins: z
          .array(
            z
              .string()
              .regex(/^(?:email:[^\s@]+@[^\s@]+|sub:\S+)$/, '`email:ADDRESS` (verified) or `sub:SUBJECT`'),
          )
          .min(1)
          .describe('As whom this person signs in; all of them are one person.'),
        ci: z
          .array(z.string().regex(/^[a-z][a-z0-9-]{0,62}:\S+$/, '`ISSUER:ID`, such as github:583231'))
          .default([])
          .describe(
            'Who this person is on a CI that says who triggered a run (GitHub, GitLab, CircleCI): issuer and `actor_id`.',
          ),
      }),
    )
    .default({})

  const groups = z
    .record(
      name,
      z.strictObject({
        people: z.array(name).default([]).describe('Names under `people`.'),
        claim: z
          .array(z.string().min(1))
          .default([])
          .describe('Values of the groups claim whose bearers belong to it too.'),
        allow_unlinked: z
          .boolean()
          .default(false)
          .describe(
            'Let members approve whose account on the run’s CI is not known (`people.NAME.ci`). They could be the one who triggered it.',
          ),
      }),
    )
    .default({})

  const sign_in = z
    .strictObject({
      issuer: httpsUrl.describe('The OpenID Connect provider of your people.'),
      client_id: z.string().min(1).max(255),
      client_secret: secretReference.optional().describe('Left out for a public client.'),
      groups_claim: z
        .string()
        .min(1)
        .max(255)
        .default('groups')
        .describe('The claim that lists a person’s groups.'),
      scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).default(['openid', 'email']),
      permissions: z
        .partialRecord(z.enum(permissionNames), z.array(group).min(1))
        .describe(
          'Who may do what, by groups. viewer: read; approver: also approve; operator: also revoke, set secrets, apply policies; admin: everything.',
        ),
    })
    .optional()
    .describe(
      'How people sign in: authorization code with PKCE. Redirect URI: the server’s URL and /auth/callback.',
    )

  const common = {
    events: z
      .array(
        z.enum([
          'approval.requested',
          'approval.granted',
          'approval.denied',
          'approval.expired',
          'secret.rotation_failed',
          'secret.rotation_late',
          'scan.alive',
        ]),
      )
      .min(1)
      .default([
        'approval.requested',
        'approval.denied',
        'approval.expired',
        'secret.rotation_failed',
        'secret.rotation_late',
        'scan.alive',
      ]),
    addresses: z
      .array(z.string().refine((text) => isIP(text) !== 0, 'an IP address'))
      .default([])
      .describe('Private or local addresses that it may be at. Without them only public ones are called.'),
  }
  const notify = z
    .record(
      name,
      z.discriminatedUnion('kind', [
        z
          .strictObject({
            kind: z.literal('slack'),
            url: secretReference.describe('The secret holds the webhook’s URL.'),
            ...common,
          })
          .describe('A Slack-compatible incoming webhook.'),
        z
          .strictObject({
            kind: z.literal('webhook'),
            url: httpsUrl,
            key: secretReference.describe(
              'The secret holds `whsec_` and the key in base64 (Standard Webhooks).',
            ),
            ...common,
          })
          .describe('Any HTTP endpoint; signed as Standard Webhooks say.'),
      ]),
    )
    .default({})

  return { approval, document: { people, groups, sign_in, notify } }
}
