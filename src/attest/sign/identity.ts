import type { SignerIdentity } from '../verify/index.ts'
import type { ClaimName } from './claim-oids.ts'

/** Of a verified identity, as `identity` has it; `kind` is the kind of its issuer in mayfly.yaml. */
export interface JobIdentity {
  readonly kind: string
  readonly issuerUrl: string
  readonly attributes: Readonly<Partial<Record<string, string>>>
  readonly run: { readonly id: string; readonly attempt: string; readonly job: string }
  readonly claims: Readonly<Partial<Record<string, string>>>
}

type Claims = Readonly<Partial<Record<ClaimName, string | undefined>>>
type Described = { readonly san: string | undefined; readonly claims?: Claims }
type Describe = (job: JobIdentity) => Described

/**
 * The workflow that built, by the CI's own names, in the forms that Fulcio gives it (docs/oid-info.md and
 * config/identity/config.yaml of sigstore/fulcio); Fulcio knows no Azure DevOps, Bitbucket, Spacelift, Terraform and Jenkins.
 * Everything comes from verified claims. What a CI does not say is left out; who started the job is left out, too, since
 * certificates stand in a log that forgets nobody.
 */
export function signerOf(job: JobIdentity): SignerIdentity {
  const { san, claims = {} } = (describes[job.kind] ?? bySubject)(job)
  const { attributes } = job
  const all: Claims = {
    runnerEnvironment: attributes['runner'],
    sourceRepositoryDigest: attributes['commit'],
    sourceRepositoryRef: attributes['ref'],
    sourceRepositoryIdentifier: attributes['repository_id'],
    sourceRepositoryOwnerIdentifier: attributes['owner_id'],
    buildTrigger: attributes['event'],
    deploymentEnvironment: attributes['environment'],
    subject: namelessSubject(attributes['subject']),
    ...claims,
  }
  const said = Object.entries(all).filter((one): one is [string, string] => (one[1] ?? '') !== '')
  return {
    san: san === undefined ? subjectUri(job) : uri(san),
    issuer: job.issuerUrl,
    claims: Object.fromEntries(said),
  }
}

const describes: Readonly<Partial<Record<string, Describe>>> = {
  'github-actions': ofGithub,
  gitlab: ofGitlab,
  buildkite: ofBuildkite,
  circleci: ofCircleci,
  'azure-devops': ofAzure,
  bitbucket: ofBitbucket,
  kubernetes: ({ attributes: { repository = '' } }) => {
    const [namespace, account] = repository.split('/')
    return { san: `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${account}` }
  },
  spiffe: ({ attributes: { subject } }) => ({ san: subject }),
  spacelift: ({ issuerUrl, attributes: { repository_id: id } }) => ({ san: below(issuerUrl, id) }),
  'terraform-cloud': ({ issuerUrl, attributes: { owner, repository }, run }) => {
    const san = below(below(issuerUrl, 'app', owner), 'workspaces', repository)
    return { san, claims: { runInvocationURI: below(san, 'runs', run.id) } }
  },
  jenkins: ({ issuerUrl, attributes: { subject = '' }, run }) =>
    // Its `sub` is the address of the job, unless somebody chose another form: then it might be an address of anybody.
    URL.parse(subject)?.origin === URL.parse(issuerUrl)?.origin
      ? { san: subject, claims: { runInvocationURI: below(subject.replace(/\/$/, ''), run.id) } }
      : { san: undefined },
}

function bySubject(): Described {
  return { san: undefined }
}

function ofGithub({ issuerUrl, attributes, run, claims: token }: JobIdentity): Described {
  const url = githubOf(issuerUrl)
  const repository = below(url, attributes['repository'])
  const workflow = below(url, token['job_workflow_ref'] ?? attributes['workflow'])
  return {
    san: workflow ?? below(url, token['workflow_ref']),
    claims: {
      buildSignerURI: workflow,
      buildSignerDigest: attributes['workflow_digest'],
      sourceRepositoryURI: repository,
      sourceRepositoryOwnerURI: below(url, attributes['owner']),
      buildConfigURI: below(url, token['workflow_ref']),
      buildConfigDigest: token['workflow_sha'],
      runInvocationURI: below(repository, 'actions/runs', run.id, 'attempts', run.attempt),
      sourceRepositoryVisibilityAtSigning: token['repository_visibility'],
    },
  }
}

/** Of GitHub.com (an enterprise may have its own path there), of a tenant of ghe.com, of Enterprise Server. */
function githubOf(issuerUrl: string): string {
  const { origin, host } = new URL(issuerUrl)
  if (host === 'token.actions.githubusercontent.com') return 'https://github.com'
  const tenant = /^token\.actions\.([a-z0-9-]+\.ghe\.com)$/.exec(host)?.[1]
  return tenant === undefined ? origin : `https://${tenant}`
}

function ofGitlab({ issuerUrl, attributes, run, claims: token }: JobIdentity): Described {
  const project = below(issuerUrl, attributes['repository'])
  const { workflow } = attributes
  const { protocol, host } = new URL(issuerUrl)
  const scheme = workflow?.startsWith(`${host}/`) === true ? protocol : 'https:'
  const config = workflow === undefined ? undefined : `${scheme}//${workflow}`
  const digest = attributes['workflow_digest']
  return {
    san: config,
    claims: {
      buildSignerURI: config,
      buildSignerDigest: digest,
      sourceRepositoryURI: project,
      sourceRepositoryOwnerURI: below(issuerUrl, attributes['owner']),
      buildConfigURI: config,
      buildConfigDigest: digest,
      runInvocationURI: below(project, '-/jobs', run.job),
      sourceRepositoryVisibilityAtSigning: token['project_visibility'],
    },
  }
}

function ofBuildkite({ attributes, run }: JobIdentity): Described {
  const pipeline = below('https://buildkite.com', attributes['repository'])
  const job = below(pipeline, 'builds', run.id)
  return { san: pipeline, claims: { runInvocationURI: job === undefined ? undefined : `${job}#${run.job}` } }
}

function ofCircleci({ attributes, run, claims: token }: JobIdentity): Described {
  const api = 'https://circleci.com/api/v2'
  const project = below(api, 'projects', attributes['repository_id'])
  const definition = below(project, 'pipeline-definitions', token['oidc.circleci.com/pipeline-definition-id'])
  const origin = attributes['repository']
  return {
    san: definition ?? project,
    claims: {
      buildSignerURI: definition,
      sourceRepositoryURI: origin?.startsWith('https://') === false ? `https://${origin}` : origin,
      buildConfigURI: below(below(api, 'pipeline', token['oidc.circleci.com/pipeline-id']), 'config'),
      runInvocationURI: below('https://app.circleci.com', 'workflow', run.id, 'job', run.job),
    },
  }
}

function ofAzure({ attributes, run }: JobIdentity): Described {
  // p://ORGANIZATION/PROJECT/PIPELINE
  const [organization, project] = attributes['subject']?.slice('p://'.length).split('/') ?? []
  const { workflow } = attributes
  const builds = below('https://dev.azure.com', organization, project, '_build')
  if (builds === undefined || workflow === undefined) return { san: undefined }
  const definition = `${builds}?definitionId=${workflow}`
  return {
    san: definition,
    claims: {
      buildSignerURI: definition,
      sourceRepositoryURI: attributes['repository'],
      sourceRepositoryOwnerURI: below('https://dev.azure.com', organization),
      buildConfigURI: definition,
      runInvocationURI: `${builds}/results?buildId=${run.id}`,
    },
  }
}

/** The issuer is https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc. */
function ofBitbucket({ issuerUrl, attributes, run }: JobIdentity): Described {
  const workspace = /\/workspaces\/([^/]+)\//.exec(issuerUrl)?.[1]
  const repository = below('https://bitbucket.org', workspace, attributes['repository_id'])
  return {
    san: repository,
    claims: {
      sourceRepositoryURI: repository,
      sourceRepositoryOwnerURI: below('https://bitbucket.org', workspace),
      runInvocationURI: below(repository, 'pipelines/results', run.id),
    },
  }
}

/** Nothing as soon as a part is missing: half an address would be another's. */
function below(base: string | undefined, ...parts: readonly (string | undefined)[]): string | undefined {
  if (base === undefined || parts.some((part) => part === undefined || part === '')) return undefined
  return [base.replace(/\/+$/, ''), ...parts].join('/')
}

/** Of an issuer of which nothing else is known. What stands behind # is no address at the issuer that somebody else might have. */
function subjectUri({ issuerUrl, attributes: { subject = '' } }: JobIdentity): string {
  return `${issuerUrl}#${encodeURIComponent(subject.toWellFormed())}`
}

/** A URI is ASCII (RFC 3986). Two names never become one: a percent sign that stood there already is escaped, too. */
function uri(text: string): string {
  return encodeURI(text.toWellFormed()).replaceAll(
    /[[\]']/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** CircleCI's says who started the job, and GitHub's may (by a template of one's own). */
function namelessSubject(subject: string | undefined): string | undefined {
  return subject !== undefined && /(?:^|[/:])(?:user|actor|actor_id)[/:]/.test(subject) ? undefined : subject
}
