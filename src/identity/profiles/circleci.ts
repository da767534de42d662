import type { Claims } from '../claims.ts'
import { someRef, uuid } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

const claim = (name: string) => `oidc.circleci.com/${name}`

/**
 * CircleCI. Each organization is an issuer of its own, and the id at the end of `iss` is the owner's. Builds of forks
 * get a token only where the project passes secrets to them; then `vcs-origin` is the fork.
 * Source: CircleCI documentation, "OpenID Connect tokens" and "OIDC tokens with custom claims".
 */
export const circleci: Profile = {
  required: ['sub', claim('project-id'), claim('vcs-origin')],
  claims: {
    subject: 'sub',
    repository: claim('vcs-origin'),
    repository_id: claim('project-id'),
    ref: claim('vcs-ref'),
  },
  run: { id: claim('workflow-id'), job: claim('job-id') },
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', actor: 'actor_id' },
  forms: { repository_id: uuid, owner_id: uuid, actor_id: uuid, ref: someRef },
  derived: ['owner_id', 'actor_id'],
  limits: {},
  derive: (claims) => ({ owner_id: ownerOf(claims), ...actorOf(claims) }),
  refuse: refusal,
}

function ownerOf(claims: Claims): string {
  return (claims['iss'] ?? '').split('/').at(-1) ?? ''
}

/** org/ORGANIZATION/project/PROJECT/user/USER; in the second form of the token, vcs-origin and vcs-ref follow. */
const subjectForm = /^org\/([^/]+)\/project\/([^/]+)\/user\/([^/]+)(?:\/|$)/

function actorOf(claims: Claims) {
  const user = subjectForm.exec(claims['sub'] ?? '')?.[3]
  return user === undefined ? {} : { actor_id: user }
}

function refusal(claims: Claims): string | undefined {
  // Whoever reran the job has a shell in it, beside the steps that the pipeline names.
  if ((claims[claim('ssh-rerun')] ?? 'false') !== 'false') return 'the job was rerun with SSH'
  const [, organization, project] = subjectForm.exec(claims['sub'] ?? '') ?? []
  if (organization === undefined) return 'its sub is not org/ID/project/ID/user/ID'
  const owners = new Set([organization, ownerOf(claims), claims[claim('org-id')] ?? organization])
  if (owners.size > 1) return 'its iss, sub and org-id name different organizations'
  if (project !== claims[claim('project-id')]) return 'its sub and project-id name different projects'
  return undefined
}
