import type { Profile } from '../profile.ts'

/**
 * Spacelift. Each account is an issuer of its own. The id of a stack or a module is made from its first name and
 * stays; a stack and a module may have the same, so ours has the kind in front: `stack/infra`.
 * Source: Spacelift documentation, "OpenID Connect (OIDC)".
 */
export const spacelift: Profile = {
  required: ['jti', 'sub', 'spaceId', 'callerType', 'callerId', 'runType', 'runId', 'scope'],
  claims: { subject: 'sub', owner_id: 'spaceId', event: 'runType' },
  run: { id: 'runId' },
  pins: ['repository_id', 'owner_id'],
  ids: {},
  grammars: { repository_id: /^(?:stack|module)\/[^/]+$/, event: /^[A-Z_]+$/ },
  limits: { space_id: 'owner_id' },
  derive: ({ callerType, callerId }) => ({ repository_id: `${callerType}/${callerId}` }),
}
