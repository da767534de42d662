import { formOfValues } from '../../lib/index.ts'
import { branchOrTag, commitHash, fullRef, uuid } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/** Buildkite documentation, "Environment variables", BUILDKITE_SOURCE. */
const sources = ['ui', 'api', 'webhook', 'trigger_job', 'schedule']

/**
 * Buildkite: one issuer for everybody. The two ids are in the token only if it was asked for with
 * `--claim organization_id --claim pipeline_id`, as `mayfly run` does; slugs may change hands, so we insist.
 * The token does not say whether the code is of a fork, and `step_key` is what the code itself says.
 * Source: Buildkite documentation, "buildkite-agent oidc".
 */
export const buildkite: Profile = {
  required: [
    'sub',
    'organization_id',
    'organization_slug',
    'pipeline_id',
    'pipeline_slug',
    'build_number',
    'build_branch',
    'build_commit',
    'job_id',
  ],
  claims: {
    subject: 'sub',
    repository_id: 'pipeline_id',
    owner: 'organization_slug',
    owner_id: 'organization_id',
    event: 'build_source',
    runner: 'runner_environment',
  },
  run: { id: 'build_number', job: 'job_id' },
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id' },
  forms: { repository_id: uuid, owner_id: uuid },
  documented: { ref: branchOrTag, commit: commitHash, event: formOfValues(sources) },
  derived: ['repository', 'ref', 'commit'],
  limits: { organization_id: 'owner_id' },
  derive(claims) {
    const ref = fullRef(claims['build_branch'], claims['build_tag'])
    const commit = claims['build_commit'] ?? ''
    return {
      repository: `${claims['organization_slug']}/${claims['pipeline_slug']}`,
      ...(ref === undefined ? {} : { ref }),
      // A build that was started by hand may say HEAD, which names no commit.
      ...(commitHash.is(commit) ? { commit } : {}),
    }
  },
}
