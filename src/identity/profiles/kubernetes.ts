import type { Claims } from '../claims.ts'
import { uuid } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

const claim = (path: string) => `kubernetes.io/${path}`

/**
 * Kubernetes service accounts: projected tokens, bound to a pod and dead with it. One that is bound to no pod was made
 * by a person (`kubectl create token`) or for good, and is refused. A service account that is made again under its
 * old name has another UID.
 * Source: Kubernetes documentation, "Managing Service Accounts", "Schema for service account private claims".
 */
export const kubernetes: Profile = {
  required: [
    'sub',
    claim('namespace'),
    claim('serviceaccount/name'),
    claim('serviceaccount/uid'),
    claim('pod/name'),
    claim('pod/uid'),
  ],
  claims: {
    subject: 'sub',
    repository_id: claim('serviceaccount/uid'),
    owner: claim('namespace'),
    runner: claim('node/name'),
  },
  run: { id: claim('pod/uid'), job: claim('pod/name') },
  pins: ['repository_id'],
  ids: { repository: 'repository_id', subject: 'repository_id' },
  forms: { repository_id: uuid },
  derived: ['repository'],
  limits: { namespace: 'owner' },
  derive: (claims) => ({ repository: accountOf(claims).join('/') }),
  refuse: (claims) =>
    claims['sub'] === `system:serviceaccount:${accountOf(claims).join(':')}`
      ? undefined
      : 'its sub names another service account than its other claims',
}

function accountOf(claims: Claims): string[] {
  return [claims[claim('namespace')] ?? '', claims[claim('serviceaccount/name')] ?? '']
}
