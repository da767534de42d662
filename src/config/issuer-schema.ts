import { z } from 'zod'
import { plainUrl } from './plain-url.ts'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const numericId = z.string().regex(/^[0-9]{1,20}$/, 'a number in quotes, such as "65781"')
const uuidId = z.string().regex(new RegExp(`^${uuid}$`), 'a UUID in lower case')
const issuerUrl = plainUrl('on this machine').describe('The `iss` of its tokens, exactly.')

const audience = z.string().min(1)
const common = {
  audience: audience
    .optional()
    .describe(
      'The `aud` of this issuer’s tokens, only where the CI cannot be told ours: such a token is good at every other place with this audience, too.',
    ),
}

const githubActions = z
  .strictObject({
    kind: z.literal('github-actions'),
    url: issuerUrl
      .default('https://token.actions.githubusercontent.com')
      .describe('GitHub Enterprise Server: https://HOST/_services/token.'),
    owner_id: numericId.optional().describe('Only tokens of this account are accepted (numeric id).'),
    ...common,
  })
  .describe('GitHub Actions, and GitHub Enterprise Server.')

const gitlab = z
  .strictObject({
    kind: z.literal('gitlab'),
    url: issuerUrl.default('https://gitlab.com').describe('The GitLab instance.'),
    namespace_id: numericId.optional().describe('Only tokens of this namespace are accepted.'),
    ...common,
  })
  .describe('GitLab CI, `id_tokens`.')

const circleci = z
  .strictObject({
    kind: z.literal('circleci'),
    url: issuerUrl
      .regex(new RegExp(`/org/${uuid}$`), 'https://oidc.circleci.com/org/ORGANIZATION_ID')
      .describe('https://oidc.circleci.com/org/ORGANIZATION_ID: it names the one organization.'),
    ...common,
  })
  .describe('CircleCI.')

const buildkite = z
  .strictObject({
    kind: z.literal('buildkite'),
    url: issuerUrl.default('https://agent.buildkite.com'),
    organization_id: uuidId.optional().describe('Only tokens of this organization are accepted.'),
    ...common,
  })
  .describe('Buildkite.')

const bitbucket = z
  .strictObject({
    kind: z.literal('bitbucket'),
    url: issuerUrl.describe(
      'https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc',
    ),
    workspace_uuid: z
      .string()
      .regex(new RegExp(`^\\{${uuid}\\}$`), 'a UUID in braces and quotes, as Bitbucket shows it')
      .optional()
      .describe('Only tokens of this workspace are accepted: its name may change hands.'),
    ...common,
  })
  .describe('Bitbucket Pipelines.')

const azureDevops = z
  .strictObject({
    kind: z.literal('azure-devops'),
    url: issuerUrl
      .regex(new RegExp(`/${uuid}$`), 'https://vstoken.dev.azure.com/ORGANIZATION_ID')
      .describe('https://vstoken.dev.azure.com/ORGANIZATION_ID: it names the one organization.'),
    audience: audience
      .default('api://AzureADTokenExchange')
      .describe('Azure DevOps puts this one into every token, so it is good at Microsoft Entra, too.'),
  })
  .describe('Azure DevOps pipelines.')

const googleCloudBuild = z
  .strictObject({
    kind: z.literal('google-cloud-build'),
    url: issuerUrl.default('https://accounts.google.com'),
    project_id: z
      .string()
      .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'a project id, such as acme-builds')
      .optional()
      .describe('Only service accounts of this project are accepted.'),
    project_number: numericId
      .optional()
      .describe(
        'The same by number, for tokens that tell it: of the default account, or of a machine in it.',
      ),
    ...common,
  })
  .describe('Google Cloud Build, and any machine with a Google service account.')

const spacelift = z
  .strictObject({
    kind: z.literal('spacelift'),
    url: issuerUrl.describe('https://ACCOUNT.app.spacelift.io'),
    space_id: z.string().min(1).optional().describe('Only runs of this space are accepted.'),
    ...common,
  })
  .describe('Spacelift.')

const terraformCloud = z
  .strictObject({
    kind: z.literal('terraform-cloud'),
    url: issuerUrl.default('https://app.terraform.io').describe('Terraform Enterprise: its own URL.'),
    organization_id: z
      .string()
      .regex(/^org-[A-Za-z0-9]{1,64}$/, 'an organization id, such as org-GRNbCjYNpBB6NEH9')
      .optional()
      .describe('Only workspaces of this organization are accepted.'),
    ...common,
  })
  .describe('HCP Terraform (Terraform Cloud) and Terraform Enterprise.')

const jenkins = z
  .strictObject({ kind: z.literal('jenkins'), url: issuerUrl.describe('https://JENKINS/oidc'), ...common })
  .describe('Jenkins with the plugin `oidc-provider`, newer than version 96 (CVE-2025-47884).')

const kubernetes = z
  .strictObject({
    kind: z.literal('kubernetes'),
    url: issuerUrl.describe('The cluster’s service account issuer.'),
    namespace: z.string().min(1).optional().describe('Only pods of this namespace are accepted.'),
    ...common,
  })
  .describe('Kubernetes service accounts, tokens bound to a pod.')

const spiffe = z
  .strictObject({
    kind: z.literal('spiffe'),
    url: issuerUrl.describe('The `iss` of its JWT-SVIDs, where its OIDC discovery answers.'),
    trust_domain: z
      .string()
      .regex(/^[a-z0-9._-]{1,255}$/, 'a trust domain without spiffe://, such as example.org')
      .describe('Only SPIFFE IDs of this trust domain are accepted.'),
    ...common,
  })
  .describe('SPIFFE JWT-SVID.')

const oidc = z
  .strictObject({
    kind: z.literal('oidc'),
    url: issuerUrl,
    pins: z
      .array(z.string().min(1))
      .min(1)
      .default(['sub'])
      .describe('Claims of which every role’s trust must fix at least one to a literal value.'),
    ...common,
  })
  .describe('Any OpenID Connect provider.')

export const issuerSchema = z.discriminatedUnion('kind', [
  githubActions,
  gitlab,
  circleci,
  buildkite,
  bitbucket,
  azureDevops,
  googleCloudBuild,
  spacelift,
  terraformCloud,
  jenkins,
  kubernetes,
  spiffe,
  oidc,
])

export type IssuerConfig = z.output<typeof issuerSchema>
