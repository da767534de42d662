import { z } from 'zod'
import { limits } from '../lib/index.ts'
import { operatorSchemas } from './approval-schema.ts'

const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'a name has lower-case letters, digits and hyphens, and starts with a letter',
  )

const httpsUrl = z
  .string()
  .refine(isPlainUrl, 'an https:// URL without user, query or fragment (http:// only with a `dial` address)')
  .describe('Where it is, as the tools in a step name it.')

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return plain && (url.protocol === 'https:' || url.protocol === 'http:')
}

const secretReference = z
  .string()
  .regex(
    /^secret:[a-z][a-z0-9._-]{0,62}$/,
    'a reference `secret:NAME` to the vault (`mayfly secret set NAME`)',
  )

const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[smh]$/, { error: 'a duration such as 90s, 15m or 1h', abort: true })
  .refine((text) => durationSeconds(text) <= 86_400, 'at most 24h: what we issue is short-lived')

const credential = z
  .union([
    z.strictObject({
      basic: secretReference.describe('HTTP Basic; the secret holds `user:password` (RFC 7617).'),
    }),
    z.strictObject({
      bearer: secretReference.describe('`Authorization: Bearer`; the secret holds the token.'),
    }),
  ])
  .describe('What the gateway adds on the way. Steps never see it. Leave it out for a host that needs none.')

const target = {
  url: httpsUrl,
  credential: credential.optional(),
  dial: z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9]{1,5}$/, 'an IP address and a port, such as 127.0.0.1:8443')
    .optional()
    .describe(
      'The address to connect to instead of what DNS says. It names the address, so it may be private or loopback.',
    ),
  ca: z.string().optional().describe('PEM certificates to trust for this host, beside the system’s.'),
}

const gitConnection = z.strictObject({ kind: z.literal('git'), ...target }).describe('Git over smart HTTP.')
const npmConnection = z
  .strictObject({ kind: z.literal('npm'), ...target })
  .describe('An npm registry; steps install what their lockfile pins.')

export const connectionSchema = z.discriminatedUnion('kind', [gitConnection, npmConnection])

const githubIssuer = z
  .strictObject({
    kind: z.literal('github-actions'),
    url: httpsUrl
      .default('https://token.actions.githubusercontent.com')
      .describe('Set it for GitHub Enterprise Server.'),
    owner_id: z
      .string()
      .regex(/^[0-9]+$/)
      .optional()
      .describe('Only tokens of this account are accepted (numeric id).'),
  })
  .describe('GitHub Actions.')
const gitlabIssuer = z
  .strictObject({
    kind: z.literal('gitlab'),
    url: httpsUrl.default('https://gitlab.com').describe('The GitLab instance.'),
    namespace_id: z
      .string()
      .regex(/^[0-9]+$/)
      .optional()
      .describe('Only tokens of this namespace are accepted.'),
  })
  .describe('GitLab CI, `id_tokens`.')
const oidcIssuer = z
  .strictObject({
    kind: z.literal('oidc'),
    url: httpsUrl,
    pins: z
      .array(z.string().min(1))
      .min(1)
      .default(['sub'])
      .describe('Claims of which every role’s trust must fix at least one to a literal value.'),
  })
  .describe('Any OpenID Connect provider.')

export const issuerSchema = z.discriminatedUnion('kind', [githubIssuer, gitlabIssuer, oidcIssuer])

const claimValue = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1).describe('Any one of these.'),
  z.boolean().transform(String),
])

/** The claims of an Identity that a trust rule may name. `claims` holds raw ones of any issuer. */
const trust = z
  .strictObject({
    issuer: name.describe('A name under `issuers`.'),
    subject: claimValue.optional(),
    repository: claimValue
      .optional()
      .describe('Full name; may change hands: name it only beside `repository_id`.'),
    repository_id: claimValue.optional().describe('The immutable id of the repository (GitLab: project_id).'),
    owner: claimValue.optional(),
    owner_id: claimValue.optional().describe('The immutable id of the owner (GitLab: namespace_id).'),
    ref: claimValue.optional().describe('Full ref: refs/heads/main, refs/tags/v*.'),
    ref_protected: claimValue.optional(),
    commit: claimValue.optional(),
    workflow: claimValue.optional().describe('Which pipeline definition, with its ref.'),
    workflow_digest: claimValue.optional().describe('The commit that the pipeline definition was read from.'),
    environment: claimValue.optional(),
    event: claimValue.optional().describe('What started it: push, pull_request, ...'),
    actor: claimValue.optional(),
    actor_id: claimValue.optional(),
    runner: claimValue.optional(),
    fork: claimValue.optional().describe('Whether the code is of a fork, where the issuer says so.'),
    claims: z.record(z.string(), claimValue).optional().describe('Claims of the token by their own names.'),
  })
  .describe('All conditions must hold.')

const operators = operatorSchemas({ name, duration, secretReference, httpsUrl })

const role = z.strictObject({
  description: z.string().optional(),
  trust,
  approval: operators.approval.optional(),
  ttl: duration.default('15m').describe('How long a session may live.'),
  isolation: z
    .enum(['namespace', 'none'])
    .default('namespace')
    .describe(
      'The least isolation a step must run in. `none` gives up the sandbox: the step’s code is trusted.',
    ),
  grants: z
    .array(z.string())
    .min(1, 'a role without grants can do nothing: add one or remove the role')
    .describe(
      '`action connection/resource`: `git:read github/octo/app`, `git:push github/octo/app@refs/tags/*`, `npm:install npmjs`.',
    ),
})

/** The claims that `trust` names itself; all others stand under `claims`. */
export const trustAttributes: ReadonlySet<string> = new Set(
  Object.keys(trust.shape).filter((key) => key !== 'issuer' && key !== 'claims'),
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
  roles: z.record(name, role).refine(notEmpty, 'define at least one role: without one nothing is granted'),
  egress: z
    .array(
      z
        .string()
        .regex(
          /^(\*\.)?[a-z0-9.-]+:[0-9]{1,5}$/,
          'host:port, such as deb.example.org:443 or *.example.org:443',
        ),
    )
    .default([])
    .describe(
      'Public hosts that every step may reach, recorded, with no credential. `*.` stands for one or more labels.',
    ),
  ...operators.document,
})

function notEmpty(record: object): boolean {
  return Object.keys(record).length > 0
}

export type PolicyDocument = z.output<typeof policySchema>
export type IssuerConfig = z.output<typeof issuerSchema>
export type ConnectionConfig = z.output<typeof connectionSchema>
export type RoleConfig = z.output<typeof role>
export type ApprovalConfig = NonNullable<RoleConfig['approval']>
export type SignInConfig = NonNullable<PolicyDocument['sign_in']>
export type NotifyConfig = PolicyDocument['notify'][string]
export type TrustConfig = z.output<typeof trust>

/** Seconds of a duration such as `15m`. */
export function durationSeconds(text: string): number {
  const unit = { s: 1, m: 60, h: 3600 }[text.slice(-1)] ?? Number.NaN
  return Number(text.slice(0, -1)) * unit
}

const stepName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'letters, digits, space, dot, hyphen; at most 64')

const step = z.strictObject({
  name: stepName,
  role: name.describe('The role this step runs with.'),
  run: z.string().min(1).describe('A shell script: bash -e -o pipefail, or sh -e where there is no bash.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
    .default({})
    .describe('Variables, as written here.'),
  pass_env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/))
    .default([])
    .describe(
      'Variables of the job handed on to the step. Everything else of the job’s environment stays outside.',
    ),
  isolation: z
    .enum(['namespace', 'none'])
    .default('namespace')
    .describe('`none` only if the role allows it too.'),
  lockfile: z
    .string()
    .regex(/^(?!\/)(?![^]*(?:^|\/)\.\.(?:\/|$))[^\0\r\n]+$/, 'a path inside the workspace')
    .default('package-lock.json')
    .describe('Pins what the step may install from an npm registry.'),
  continue_on_error: z.boolean().default(false),
})

export const pipelineSchema = z.strictObject({
  steps: z
    .array(step)
    .min(1, 'a pipeline needs at least one step')
    .max(200)
    .refine(
      (steps) => new Set(steps.map((s) => s.name)).size === steps.length,
      'two steps have the same name',
    ),
})

export type PipelineDocument = z.output<typeof pipelineSchema>
export type PipelineStep = PipelineDocument['steps'][number]

export const maxDocumentBytes = limits.policyBytes
