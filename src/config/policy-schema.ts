import { z } from 'zod'
import { isolations, limits } from '../lib/index.ts'
import { operatorSchemas } from './approval-schema.ts'
import { connectionSchema, httpsUrl } from './connection-schema.ts'
import { egress, roleEgress } from './egress-schema.ts'
import { egressProxySchema } from './egress-proxy-schema.ts'
import { grants } from './grant-schema.ts'
import { honeySchema } from './honey-schema.ts'
import { identityTokens, roleIdentity } from './identity-schema.ts'
import { issuerSchema } from './issuer-schema.ts'
import { limitsSchema } from './limits-schema.ts'
import { cacheSchema } from './cache-schema.ts'
import { logsSchema } from './logs-schema.ts'
import { recordingsSchema } from './recordings-schema.ts'
import { duration, name } from './name-schema.ts'
import { policyTests } from './policy-tests-schema.ts'
import { sandboxKeys } from './sandbox-schema.ts'
import { scanOfAllSchema, scanSchema } from './scan-schema.ts'
import { secretReference } from './secret-reference.ts'
import { secretStoresSchema } from './secret-stores-schema.ts'
import { secretsSchema } from './secrets-schema.ts'
import { trust } from './trust-schema.ts'

const operators = operatorSchemas({ name, duration, secretReference, httpsUrl })

const role = z
  .strictObject({
    description: z.string().optional(),
    trust,
    mode: z
      .enum(['enforce', 'shadow'])
      .default('enforce')
      .describe(
        '`shadow` records what the grants would deny on their own connections, and lets it pass; never a write that no grant names.',
      ),
    until: z.iso
      .date({ error: 'a day, such as 2026-12-24' })
      .describe(
        'The last day (UTC) on which `mode: shadow` lets anything pass; after it the role denies what its grants do not allow.',
      )
      .optional(),
    approval: operators.approval.optional(),
    ttl: duration
      .default('15m')
      .describe(
        'How long the role may be used from when a job assumes it; in a pipeline file, from the start of each step.',
      ),
    max_wait: duration
      .optional()
      .describe(
        'How long after a job has assumed it a step may still begin in this role, where it must be assumed before it is needed: the CI gives its job one identity token (GitLab, Bitbucket), or people approve it. 6h if left out, or `limits.max_wait`. Until then nothing can be done with it but to open that step, and only by `mayfly run` itself.',
      ),
    grace: duration
      .optional()
      .describe(
        'How long a step may take to end after ctrl-c or SIGTERM, before it is killed; 10s if left out, at most the `ttl`. Its grants stand meanwhile.',
      ),
    isolation: z
      .enum(isolations)
      .default('namespace')
      .describe(
        'The least isolation a step must run in, strongest first: `namespace` (bubblewrap), `container` (podman or docker, too), `namespace-no-pid` (also without a process namespace, inside containers), `none` (no sandbox at all: the step’s code is trusted).',
      ),
    grants,
    egress: roleEgress,
    identity: roleIdentity.optional(),
    scan: scanSchema
      .optional()
      .describe('What becomes of secrets in what its steps send; what is left out is as in `scan` of all.'),
    ...sandboxKeys,
  })
  .refine(({ mode, until }) => until === undefined || mode === 'shadow', {
    path: ['until'],
    error: 'it ends `mode: shadow`, which the role has not: remove it',
  })
  .refine(
    ({ grants: granted, egress: hosts, services }) => granted.length + hosts.length + services.length > 0,
    {
      path: ['grants'],
      error: 'a role without grants, egress and services can do nothing: add one or remove the role',
    },
  )

export const policySchema = z.strictObject({
  audience: z
    .string()
    .min(1)
    .optional()
    .describe('The `aud` that CI tokens must carry. The server’s URL if left out.'),
  issuers: z
    .record(name, issuerSchema)
    .refine(notEmpty, 'name at least one issuer: without one nobody can prove who they are'),
  connections: z.record(name, connectionSchema).default({}),
  secrets: secretsSchema,
  secret_stores: secretStoresSchema,
  roles: z.record(name, role).refine(notEmpty, 'define at least one role: without one nothing is granted'),
  limits: limitsSchema.optional(),
  identity_tokens: identityTokens,
  honey: honeySchema.optional(),
  scan: scanOfAllSchema
    .optional()
    .describe('What becomes of secrets in what steps send: docs/scan-in-builds.md. Roles may say otherwise.'),
  logs: logsSchema,
  recordings: recordingsSchema,
  cache: cacheSchema,
  tests: policyTests,
  egress,
  egress_proxy: egressProxySchema(secretReference).optional(),
  ...operators.document,
})

function notEmpty(record: object): boolean {
  return Object.keys(record).length > 0
}

export type PolicyDocument = z.output<typeof policySchema>
export type ConnectionConfig = z.output<typeof connectionSchema>
export type RoleConfig = z.output<typeof role>
export type ApprovalConfig = NonNullable<RoleConfig['approval']>
export type SignInConfig = NonNullable<PolicyDocument['sign_in']>
export type NotifyConfig = PolicyDocument['notify'][string]

export const maxDocumentBytes = limits.policyBytes
