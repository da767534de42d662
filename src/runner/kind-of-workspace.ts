import type { SessionGrant } from './api-facts.ts'
import type { StepRequest } from './step-request.ts'
import type { WorkspaceKind } from './workspace/index.ts'

/**
 * Where the step runs, as it says itself; else a role that writes has a workspace of its own, since what other steps wrote
 * would run there with more rights than theirs. What is not known of a role is taken to write.
 */
export function kindOfWorkspace(
  { roles }: Pick<SessionGrant, 'roles'>,
  { role, workspaceKind }: Pick<StepRequest, 'role' | 'workspaceKind'>,
): WorkspaceKind {
  const writes = roles.find(({ name }) => name === role)?.writes ?? true
  return workspaceKind ?? (writes ? 'fresh' : 'job')
}
