import type { Profile } from './profile.ts'

/**
 * GitLab, SaaS and self-managed, `id_tokens`. `ref` has no `refs/heads/` in front; `verify` adds it.
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
    ref: 'ref',
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
  run: { id: 'pipeline_id', attempt: '', job: 'job_id' },
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id', actor: 'actor_id' },
}
