import type { Profile } from './profile.ts'

/**
 * GitHub Actions and GitHub Enterprise Server. `sub` has two forms (with and without immutable ids, from
 * 15 July 2026 on); rules name the claims below instead, which have one.
 * Source: GitHub documentation, "OpenID Connect reference".
 */
export const githubActions: Profile = {
  required: ['jti', 'sub', 'repository', 'repository_id', 'repository_owner_id', 'run_id', 'event_name'],
  claims: {
    subject: 'sub',
    repository: 'repository',
    repository_id: 'repository_id',
    owner: 'repository_owner',
    owner_id: 'repository_owner_id',
    ref: 'ref',
    ref_protected: 'ref_protected',
    commit: 'sha',
    workflow: 'job_workflow_ref',
    workflow_digest: 'job_workflow_sha',
    environment: 'environment',
    event: 'event_name',
    actor: 'actor',
    actor_id: 'actor_id',
    runner: 'runner_environment',
  },
  run: { id: 'run_id', attempt: 'run_attempt', job: 'check_run_id' },
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id', actor: 'actor_id' },
}
