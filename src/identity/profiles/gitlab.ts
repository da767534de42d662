import { formOfValues } from '../../lib/index.ts'
import type { Claims } from '../claims.ts'
import { branchOrTag, commitHash, fullRef, numericId, yesOrNo } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/** GitLab documentation, "Predefined CI/CD variables", CI_PIPELINE_SOURCE; app/models/concerns/enums/ci/pipeline.rb. */
const pipelineSources = [
  'push',
  'web',
  'trigger',
  'schedule',
  'api',
  'external',
  'pipeline',
  'chat',
  'webide',
  'merge_request_event',
  'external_pull_request_event',
  'parent_pipeline',
  'ondemand_dast_scan',
  'ondemand_dast_validation',
  'security_orchestration_policy',
  'container_registry_push',
  'duo_workflow',
  'pipeline_execution_policy_schedule',
  'unknown',
]

/**
 * GitLab, SaaS and self-managed, `id_tokens`. In a merge request pipeline of a fork `project_id` is the fork, though
 * the job runs in `job_project_id` (GitLab 18.4 and later); where the two differ, the code is a fork's.
 * Source: GitLab documentation, "OpenID Connect (OIDC) Authentication Using ID Tokens".
 */
export const gitlab: Profile = {
  required: [
    'jti',
    'sub',
    'project_id',
    'project_path',
    'namespace_id',
    'pipeline_id',
    'job_id',
    'ref',
    'ref_type',
  ],
  claims: {
    subject: 'sub',
    repository: 'project_path',
    repository_id: 'project_id',
    owner: 'namespace_path',
    owner_id: 'namespace_id',
    ref_protected: 'ref_protected',
    commit: 'sha',
    workflow: 'ci_config_ref_uri',
    workflow_digest: 'ci_config_sha',
    environment: 'environment',
    event: 'pipeline_source',
    actor: 'user_login',
    actor_id: 'user_id',
    runner: 'runner_environment',
  },
  run: { id: 'pipeline_id', job: 'job_id' },
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id', actor: 'actor_id' },
  forms: {
    repository_id: numericId,
    owner_id: numericId,
    actor_id: numericId,
    commit: commitHash,
    workflow_digest: commitHash,
    ref_protected: yesOrNo,
  },
  documented: { ref: branchOrTag, fork: yesOrNo, event: formOfValues(pipelineSources) },
  derived: ['ref', 'fork'],
  limits: { namespace_id: 'owner_id' },
  derive: (claims) => ({ ...refOf(claims), ...forkOf(claims) }),
  refuse: ({ ref_type: kind }) =>
    kind === 'branch' || kind === 'tag' ? undefined : 'its ref_type is neither branch nor tag',
}

function refOf({ ref, ref_type: kind }: Claims) {
  const full = kind === 'tag' ? fullRef(undefined, ref) : fullRef(ref, undefined)
  return full === undefined ? {} : { ref: full }
}

function forkOf({ project_id: source, job_project_id: ranIn }: Claims) {
  return ranIn === undefined ? {} : { fork: String(ranIn !== source) }
}
