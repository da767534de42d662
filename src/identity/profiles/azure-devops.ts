import type { Claims } from '../claims.ts'
import { commitHash, numericId, someRef, uuid } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/**
 * Azure DevOps pipelines. Each organization is an issuer of its own. `rpo_id` is a UUID for a repository of Azure
 * Repos, but the name of one that lives elsewhere: only a UUID counts as an id. What stays of such a pipeline is its
 * project (`prj_id`) and its definition (`def_id`, our `workflow`).
 * Source: Microsoft Learn, "Oidctoken - Create"; the claims as sigstore/fulcio issue 1803 shows them.
 */
export const azureDevops: Profile = {
  required: ['jti', 'sub', 'org_id', 'prj_id', 'def_id', 'rpo_id', 'rpo_uri', 'run_id'],
  claims: {
    subject: 'sub',
    repository: 'rpo_uri',
    owner_id: 'org_id',
    ref: 'rpo_ref',
    commit: 'rpo_ver',
    workflow: 'def_id',
  },
  run: { id: 'run_id' },
  pins: ['repository_id', 'prj_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id' },
  forms: {
    repository_id: uuid,
    owner_id: uuid,
    workflow: numericId,
    commit: commitHash,
    ref: someRef,
  },
  derived: ['repository_id', 'owner'],
  limits: {},
  derive: (claims) => ({ ...repositoryIdOf(claims), ...ownerOf(claims) }),
  refuse: refusal,
}

function repositoryIdOf({ rpo_id: id = '' }: Claims) {
  return uuid.is(id) ? { repository_id: id } : {}
}

/** p://ORGANIZATION/PROJECT/PIPELINE; a token of a service connection (sc://) is not a pipeline's own. */
const subjectForm = /^p:\/\/([^/]+)\/[^/]+\/.+$/

function ownerOf({ sub = '' }: Claims) {
  const owner = subjectForm.exec(sub)?.[1]
  return owner === undefined ? {} : { owner }
}

function refusal({ sub = '', iss = '', org_id: organization }: Claims): string | undefined {
  if (!subjectForm.test(sub)) return 'its sub is not p://ORGANIZATION/PROJECT/PIPELINE'
  if (iss.split('/').at(-1) !== organization) return 'its iss and org_id name different organizations'
  return undefined
}
