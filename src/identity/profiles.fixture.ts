import type { IssuerConfig } from '../config/index.ts'
import type { Attributes, Identity } from './index.ts'
import { audience, startMs } from './issuer.fixture.ts'

/** A token as a CI documents it, and the Identity that it must become. Times and audience are ours. */
export interface TokenFixture {
  readonly config: IssuerConfig
  readonly payload: Readonly<Record<string, unknown>>
  readonly attributes: Attributes
  readonly run: Identity['run']
}

const times = { iat: startMs / 1000, nbf: startMs / 1000 - 5, exp: startMs / 1000 + 300 }
const commit = '9f3182061f1e2cca4702c368cbc039b7dc9d4485'
const uuid = (digit: string) =>
  `${digit.repeat(8)}-${digit.repeat(4)}-4${digit.repeat(3)}-8${digit.repeat(3)}-${digit.repeat(12)}`

const githubPayload = {
  jti: 'example-id',
  sub: 'repo:octo-org/octo-repo:environment:prod',
  environment: 'prod',
  aud: audience,
  ref: 'refs/heads/main',
  sha: commit,
  repository: 'octo-org/octo-repo',
  repository_owner: 'octo-org',
  actor_id: '12',
  repository_visibility: 'private',
  repository_id: '74',
  repository_owner_id: '65',
  run_id: '30433642',
  run_number: '10',
  run_attempt: '2',
  check_run_id: '991',
  runner_environment: 'github-hosted',
  actor: 'octocat',
  workflow: 'example-workflow',
  head_ref: '',
  base_ref: '',
  event_name: 'workflow_dispatch',
  ref_type: 'branch',
  ref_protected: 'true',
  job_workflow_ref: 'octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main',
  job_workflow_sha: 'b'.repeat(40),
  iss: 'https://token.actions.githubusercontent.com',
  ...times,
}
const githubAttributes: Attributes = {
  subject: githubPayload.sub,
  repository: 'octo-org/octo-repo',
  repository_id: '74',
  owner: 'octo-org',
  owner_id: '65',
  ref: 'refs/heads/main',
  ref_protected: 'true',
  commit,
  workflow: githubPayload.job_workflow_ref,
  workflow_digest: 'b'.repeat(40),
  environment: 'prod',
  event: 'workflow_dispatch',
  actor: 'octocat',
  actor_id: '12',
  runner: 'github-hosted',
}
const githubRun = { id: '30433642', attempt: '2', job: '991' }

/** docs.github.com, "OpenID Connect reference", "Understanding the OIDC token". */
export const github: TokenFixture = {
  config: { kind: 'github-actions', url: githubPayload.iss },
  payload: githubPayload,
  attributes: githubAttributes,
  run: githubRun,
}

const immutableSubject = 'repo:octo-org@65/octo-repo@74:ref:refs/heads/main'
/** docs.github.com, "OpenID Connect", "Immutable subject claims" (from 15 July 2026 on). */
export const githubImmutable: TokenFixture = {
  ...github,
  payload: { ...githubPayload, sub: immutableSubject },
  attributes: { ...githubAttributes, subject: immutableSubject },
}

/** docs.github.com (Enterprise Server), "OpenID Connect reference". */
export const githubEnterprise: TokenFixture = {
  ...github,
  config: { kind: 'github-actions', url: 'https://github.example.com/_services/token' },
  payload: { ...githubPayload, iss: 'https://github.example.com/_services/token' },
}

const gitlabPayload = {
  namespace_id: '72',
  namespace_path: 'my-group',
  project_id: '20',
  project_path: 'my-group/my-project',
  job_project_id: '20',
  job_project_path: 'my-group/my-project',
  user_id: '1',
  user_login: 'sample-user',
  user_email: 'sample-user@example.com',
  user_identities: [{ provider: 'github', extern_uid: '2435223452345' }],
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'feature-branch-1',
  ref_type: 'branch',
  ref_path: 'refs/heads/feature-branch-1',
  ref_protected: 'false',
  groups_direct: ['mygroup/mysubgroup'],
  environment: 'test-environment2',
  environment_protected: 'false',
  deployment_tier: 'testing',
  runner_id: 1,
  runner_environment: 'self-hosted',
  sha: commit,
  project_visibility: 'public',
  ci_config_ref_uri: 'gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main',
  ci_config_sha: 'c'.repeat(40),
  jti: '235b3a54-b797-45c7-ae9a-f72d7bc6ef5b',
  iss: 'https://gitlab.com',
  sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
  aud: audience,
  ...times,
}
/** docs.gitlab.com, "OpenID Connect (OIDC) Authentication Using ID Tokens", "Token payload". */
export const gitlab: TokenFixture = {
  config: { kind: 'gitlab', url: 'https://gitlab.com' },
  payload: gitlabPayload,
  attributes: {
    subject: gitlabPayload.sub,
    repository: 'my-group/my-project',
    repository_id: '20',
    owner: 'my-group',
    owner_id: '72',
    ref: 'refs/heads/feature-branch-1',
    ref_protected: 'false',
    commit,
    workflow: gitlabPayload.ci_config_ref_uri,
    workflow_digest: 'c'.repeat(40),
    environment: 'test-environment2',
    event: 'push',
    actor: 'sample-user',
    actor_id: '1',
    runner: 'self-hosted',
    fork: 'false',
  },
  run: { id: '574', attempt: '1', job: '302' },
}

/** The same page, of an instance of one's own; older than 18.4, so nothing tells where the job ran. */
export const gitlabSelfManaged: TokenFixture = {
  config: { kind: 'gitlab', url: 'https://gitlab.example.com' },
  payload: {
    ...gitlabPayload,
    iss: 'https://gitlab.example.com',
    job_project_id: undefined,
    job_project_path: undefined,
    ref: 'v1',
    ref_type: 'tag',
  },
  attributes: Object.fromEntries(
    Object.entries({ ...gitlab.attributes, ref: 'refs/tags/v1' }).filter(([name]) => name !== 'fork'),
  ),
  run: gitlab.run,
}

const circleOrganization = uuid('a')
const circleSubject = `org/${circleOrganization}/project/${uuid('b')}/user/${uuid('c')}/vcs-origin/github.com/octo-org/app/vcs-ref/refs/heads/main`
/** circleci.com/docs, "OpenID Connect tokens" ($CIRCLE_OIDC_TOKEN_V2) and "OIDC tokens with custom claims". */
export const circleci: TokenFixture = {
  config: { kind: 'circleci', url: `https://oidc.circleci.com/org/${circleOrganization}` },
  payload: {
    iss: `https://oidc.circleci.com/org/${circleOrganization}`,
    sub: circleSubject,
    aud: audience,
    ...times,
    'oidc.circleci.com/org-id': circleOrganization,
    'oidc.circleci.com/project-id': uuid('b'),
    'oidc.circleci.com/context-ids': [uuid('d')],
    'oidc.circleci.com/vcs-origin': 'github.com/octo-org/app',
    'oidc.circleci.com/vcs-ref': 'refs/heads/main',
    'oidc.circleci.com/ssh-rerun': false,
    'oidc.circleci.com/pipeline-id': uuid('e'),
    'oidc.circleci.com/workflow-id': uuid('f'),
    'oidc.circleci.com/job-id': uuid('1'),
  },
  attributes: {
    subject: circleSubject,
    repository: 'github.com/octo-org/app',
    repository_id: uuid('b'),
    owner_id: circleOrganization,
    actor_id: uuid('c'),
    ref: 'refs/heads/main',
  },
  run: { id: uuid('f'), attempt: '1', job: uuid('1') },
}

const buildkiteSubject = `organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:${commit}:step:build`
/** buildkite.com/docs, "buildkite-agent oidc", "Token contents"; `jti` and `null` as rubygems.org issue 5412 shows them. */
export const buildkite: TokenFixture = {
  config: { kind: 'buildkite', url: 'https://agent.buildkite.com' },
  payload: {
    iss: 'https://agent.buildkite.com',
    sub: buildkiteSubject,
    aud: audience,
    ...times,
    jti: '0194b014-8517-7cef-b232-76a827315f08',
    organization_slug: 'acme-inc',
    organization_id: '0184990a-477b-4fa8-9968-496074483177',
    pipeline_slug: 'super-duper-app',
    pipeline_id: '0184990a-4782-42b5-afc1-16715b10b110',
    build_number: 1,
    build_branch: 'main',
    build_tag: null,
    build_commit: commit,
    step_key: 'build',
    job_id: '0184990a-477b-4fa8-9968-496074483cee',
    agent_id: '0184990a-4782-42b5-afc1-16715b10b8ff',
    build_source: 'ui',
    runner_environment: 'buildkite-hosted',
  },
  attributes: {
    subject: buildkiteSubject,
    repository: 'acme-inc/super-duper-app',
    repository_id: '0184990a-4782-42b5-afc1-16715b10b110',
    owner: 'acme-inc',
    owner_id: '0184990a-477b-4fa8-9968-496074483177',
    ref: 'refs/heads/main',
    commit,
    event: 'ui',
    runner: 'buildkite-hosted',
  },
  run: { id: '1', attempt: '1', job: '0184990a-477b-4fa8-9968-496074483cee' },
}

const braces = (digit: string) => `{${uuid(digit)}}`
const bitbucketUrl = 'https://api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc'
/** support.atlassian.com, "Integrate Pipelines with resource servers using OIDC". */
export const bitbucket: TokenFixture = {
  config: { kind: 'bitbucket', url: bitbucketUrl },
  payload: {
    iss: bitbucketUrl,
    aud: audience,
    ...times,
    sub: `${braces('a')}:${braces('b')}:${braces('c')}`,
    repositoryUuid: braces('a'),
    deploymentEnvironmentUuid: braces('b'),
    stepUuid: braces('c'),
    pipelineUuid: braces('d'),
    workspaceUuid: braces('e'),
    branchName: 'main',
  },
  attributes: {
    subject: `${braces('a')}:${braces('b')}:${braces('c')}`,
    repository_id: braces('a'),
    owner_id: braces('e'),
    ref: 'refs/heads/main',
    environment: braces('b'),
  },
  run: { id: braces('d'), attempt: '1', job: braces('c') },
}

const azureAudience = 'api://AzureADTokenExchange'
/** learn.microsoft.com, "Oidctoken - Create" (REST API 7.1); the payload as sigstore/fulcio issue 1803 shows it. */
export const azureDevops: TokenFixture = {
  config: {
    kind: 'azure-devops',
    url: `https://vstoken.dev.azure.com/${uuid('a')}`,
    audience: azureAudience,
  },
  payload: {
    jti: uuid('1'),
    sub: 'p://example/test-oidc/test-oidc',
    aud: azureAudience,
    org_id: uuid('a'),
    prj_id: uuid('b'),
    def_id: '7',
    rpo_id: uuid('c'),
    rpo_uri: 'https://dev.azure.com/example/test-oidc/_git/test-oidc',
    rpo_ver: commit,
    rpo_ref: 'refs/heads/main',
    run_id: '311',
    iss: `https://vstoken.dev.azure.com/${uuid('a')}`,
    ...times,
  },
  attributes: {
    subject: 'p://example/test-oidc/test-oidc',
    repository: 'https://dev.azure.com/example/test-oidc/_git/test-oidc',
    repository_id: uuid('c'),
    owner: 'example',
    owner_id: uuid('a'),
    ref: 'refs/heads/main',
    commit,
    workflow: '7',
  },
  run: { id: '311', attempt: '1', job: '' },
}

/** cloud.google.com, "Authorize service-to-service access" (Cloud Build); the claims of "Get an ID token". */
export const googleCloudBuild: TokenFixture = {
  config: { kind: 'google-cloud-build', url: 'https://accounts.google.com' },
  payload: {
    aud: audience,
    azp: '112233445566778899001',
    email: 'builder@acme-builds.iam.gserviceaccount.com',
    email_verified: true,
    iss: 'https://accounts.google.com',
    jti: 'b7f1',
    sub: '112233445566778899001',
    ...times,
  },
  attributes: {
    subject: '112233445566778899001',
    actor: 'builder@acme-builds.iam.gserviceaccount.com',
    actor_id: '112233445566778899001',
    owner: 'acme-builds',
  },
  run: { id: 'b7f1', attempt: '1', job: '' },
}

/** cloud.google.com, "Verify VM identity", `format=full`. */
export const googleMachine: TokenFixture = {
  config: { kind: 'google-cloud-build', url: 'https://accounts.google.com' },
  payload: {
    ...googleCloudBuild.payload,
    email: '739419398126-compute@developer.gserviceaccount.com',
    google: {
      compute_engine: {
        project_id: 'acme-builds',
        project_number: 739_419_398_126,
        zone: 'us-west1-a',
        instance_id: '152986662232938449',
        instance_name: 'builder-1',
        license_id: ['1000204'],
      },
    },
  },
  attributes: {
    subject: '112233445566778899001',
    actor: '739419398126-compute@developer.gserviceaccount.com',
    actor_id: '112233445566778899001',
    owner: 'acme-builds',
    owner_id: '739419398126',
    runner: 'builder-1',
  },
  run: { id: 'b7f1', attempt: '1', job: '152986662232938449' },
}

/** docs.spacelift.io, "OpenID Connect (OIDC)", "Standard claims" and "Custom claims". */
export const spacelift: TokenFixture = {
  config: { kind: 'spacelift', url: 'https://demo.app.spacelift.io', audience: 'demo.app.spacelift.io' },
  payload: {
    iss: 'https://demo.app.spacelift.io',
    sub: 'space:legacy:stack:infra:run_type:TRACKED:scope:write',
    aud: 'demo.app.spacelift.io',
    ...times,
    jti: '01GPKX9KJ4',
    spaceId: 'legacy',
    callerType: 'stack',
    callerId: 'infra',
    runType: 'TRACKED',
    runId: '01GPKX8T9V',
    scope: 'write',
  },
  attributes: {
    subject: 'space:legacy:stack:infra:run_type:TRACKED:scope:write',
    repository_id: 'stack/infra',
    owner_id: 'legacy',
    event: 'TRACKED',
  },
  run: { id: '01GPKX8T9V', attempt: '1', job: '' },
}

/** developer.hashicorp.com, "Workload identity tokens", "Workspace run token structure". */
export const terraformCloud: TokenFixture = {
  config: { kind: 'terraform-cloud', url: 'https://app.terraform.io' },
  payload: {
    jti: '1192426d-b525-4fde-9d42-f238be437bbd',
    iss: 'https://app.terraform.io',
    aud: audience,
    ...times,
    sub: 'organization:my-org:project:Default Project:workspace:my-workspace:run_phase:apply',
    terraform_organization_id: 'org-GRNbCjYNpBB6NEH9',
    terraform_organization_name: 'my-org',
    terraform_project_id: 'prj-vegSA59s1XPwMr2t',
    terraform_project_name: 'Default Project',
    terraform_workspace_id: 'ws-mbsd5E3Ktt5Rg2Xm',
    terraform_workspace_name: 'my-workspace',
    terraform_full_workspace: 'organization:my-org:project:Default Project:workspace:my-workspace',
    terraform_run_id: 'run-X3n1AUXNGWbfECsJ',
    terraform_run_phase: 'apply',
  },
  attributes: {
    subject: 'organization:my-org:project:Default Project:workspace:my-workspace:run_phase:apply',
    repository: 'my-workspace',
    repository_id: 'ws-mbsd5E3Ktt5Rg2Xm',
    owner: 'my-org',
    owner_id: 'org-GRNbCjYNpBB6NEH9',
    event: 'apply',
  },
  run: { id: 'run-X3n1AUXNGWbfECsJ', attempt: '1', job: 'apply' },
}

/** README of jenkinsci/oidc-provider-plugin: by default `sub` is the job's URL, and there is a build number. */
export const jenkins: TokenFixture = {
  config: { kind: 'jenkins', url: 'https://jenkins.example.com/oidc' },
  payload: {
    iss: 'https://jenkins.example.com/oidc',
    sub: 'https://jenkins.example.com/job/my-job/',
    aud: audience,
    ...times,
    build_number: 13,
  },
  attributes: {
    subject: 'https://jenkins.example.com/job/my-job/',
    repository: 'https://jenkins.example.com/job/my-job/',
  },
  run: { id: '13', attempt: '1', job: '' },
}

/** kubernetes.io, "Managing Service Accounts", "Schema for service account private claims". */
export const kubernetes: TokenFixture = {
  config: { kind: 'kubernetes', url: 'https://oidc.example.com/cluster' },
  payload: {
    aud: [audience],
    ...times,
    iss: 'https://oidc.example.com/cluster',
    jti: 'e51f1fbc-4733-4b85-a59f-ba80c0523874',
    'kubernetes.io': {
      namespace: 'my-namespace',
      node: { name: 'my-node', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
      pod: { name: 'my-pod', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
      serviceaccount: { name: 'my-serviceaccount', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
      warnafter: startMs / 1000 + 200,
    },
    sub: 'system:serviceaccount:my-namespace:my-serviceaccount',
  },
  attributes: {
    subject: 'system:serviceaccount:my-namespace:my-serviceaccount',
    repository: 'my-namespace/my-serviceaccount',
    repository_id: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798',
    owner: 'my-namespace',
    runner: 'my-node',
  },
  run: { id: '5e0bd49b-f040-43b0-99b7-22765a53f7f3', attempt: '1', job: 'my-pod' },
}

/** SPIFFE JWT-SVID, section 3 (claims), with the `iss` that SPIRE's OIDC discovery provider needs. */
export const spiffe: TokenFixture = {
  config: { kind: 'spiffe', url: 'https://oidc.example.org', trust_domain: 'example.org' },
  payload: {
    iss: 'https://oidc.example.org',
    sub: 'spiffe://example.org/ns/ci/sa/builder',
    aud: [audience],
    jti: 'f0a1',
    ...times,
  },
  attributes: {
    subject: 'spiffe://example.org/ns/ci/sa/builder',
    repository: 'ns/ci/sa/builder',
    owner: 'example.org',
  },
  run: { id: 'f0a1', attempt: '1', job: '' },
}

/** OpenID Connect Core 1.0, section 2. */
export const oidc: TokenFixture = {
  config: { kind: 'oidc', url: 'https://ci.example.com', pins: ['sub', 'team'] },
  payload: { iss: 'https://ci.example.com', sub: 'job-7', aud: audience, jti: 'n-1', team: 'blue', ...times },
  attributes: { subject: 'job-7' },
  run: { id: 'n-1', attempt: '1', job: '' },
}
