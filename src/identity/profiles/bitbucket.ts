import { branchOrTag, fullRef, uuidInBraces } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/**
 * Bitbucket Pipelines. The issuer is named after the workspace, whose name may change hands; its UUID does not.
 * UUIDs are as Bitbucket shows them, in braces. There is no commit and no name in the token.
 * Source: Atlassian Support, "Integrate Pipelines with resource servers using OIDC".
 */
export const bitbucket: Profile = {
  required: ['sub', 'repositoryUuid', 'workspaceUuid', 'pipelineUuid', 'stepUuid'],
  claims: {
    subject: 'sub',
    repository_id: 'repositoryUuid',
    owner_id: 'workspaceUuid',
    environment: 'deploymentEnvironmentUuid',
  },
  run: { id: 'pipelineUuid', job: 'stepUuid' },
  pins: ['repository_id', 'owner_id'],
  ids: {},
  forms: { repository_id: uuidInBraces, owner_id: uuidInBraces, environment: uuidInBraces },
  documented: { ref: branchOrTag },
  derived: ['ref'],
  limits: { workspace_uuid: 'owner_id' },
  derive({ branchName }) {
    const ref = fullRef(branchName, undefined)
    return ref === undefined ? {} : { ref }
  },
  refuse: ({ sub = '', repositoryUuid }) =>
    sub.startsWith(`${repositoryUuid}:`) ? undefined : 'its sub names another repository than repositoryUuid',
}
