import { didYouMean, formOfValues } from '../../lib/index.ts'
import type { Claims } from '../claims.ts'
import { commitHash, numericId, someRef, yesOrNo } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/**
 * GitHub documentation, "Events that trigger workflows". `workflow_call` is not among them: a called workflow has the
 * event of its caller.
 */
const events = [
  'branch_protection_rule',
  'check_run',
  'check_suite',
  'create',
  'delete',
  'deployment',
  'deployment_status',
  'discussion',
  'discussion_comment',
  'dynamic',
  'fork',
  'gollum',
  'image_version',
  'issue_comment',
  'issues',
  'label',
  'merge_group',
  'milestone',
  'page_build',
  'project',
  'project_card',
  'project_column',
  'public',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'pull_request_target',
  'push',
  'registry_package',
  'release',
  'repository_dispatch',
  'schedule',
  'status',
  'watch',
  'workflow_dispatch',
  'workflow_run',
]

function meantEvent(pattern: string): string | undefined {
  return pattern === 'pull_request_comment' ? 'issue_comment' : didYouMean(pattern, events)
}

/**
 * GitHub Actions and GitHub Enterprise Server (whose issuer is https://HOST/_services/token). The token does not say
 * whether the code is of a fork: a rule names `event`, since only pull request events run code of forks.
 * Source: GitHub documentation, "OpenID Connect reference" and "Immutable subject claims".
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
  forms: {
    repository_id: numericId,
    owner_id: numericId,
    actor_id: numericId,
    commit: commitHash,
    workflow_digest: commitHash,
    ref: someRef,
    ref_protected: yesOrNo,
  },
  documented: { event: formOfValues(events, meantEvent) },
  limits: { owner_id: 'owner_id' },
  refuse: contradiction,
}

/** `repo:OWNER/NAME` or, from 15 July 2026 on, `repo:OWNER@ID/NAME@ID`; `:ref:...` and the like follow. */
const repositorySubject = /^repo:([^/@:]+)(?:@([0-9]+))?\/([^/@:]+)(?:@([0-9]+))?(?::|$)/

// A subject made from a template of the organization's own begins with something else and is taken as it is.
function contradiction(claims: Claims): string | undefined {
  const subject = claims['sub'] ?? ''
  if (!subject.startsWith('repo:')) return undefined
  const [, owner, ownerId, name, repositoryId] = repositorySubject.exec(subject) ?? []
  if (owner === undefined) return 'its sub is neither repo:OWNER/NAME nor repo:OWNER@ID/NAME@ID'
  if ((ownerId === undefined) !== (repositoryId === undefined)) return 'its sub has one of the two ids only'
  const same =
    `${owner}/${name}` === claims['repository'] &&
    (ownerId === undefined || ownerId === claims['repository_owner_id']) &&
    (repositoryId === undefined || repositoryId === claims['repository_id'])
  return same ? undefined : 'its sub names another repository than its other claims'
}
