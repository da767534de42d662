import { formOf } from '../../lib/index.ts'
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
  forms: {
    repository_id: formOf({
      rule: 'stack/ID or module/ID',
      is: (text) => /^(?:stack|module)\/[^/]+$/.test(text),
      fillers: ['x', '', 'stack/x', 'module/x', 'stack', 'module', 'stack/', 'module/'],
    }),
    event: formOf({
      rule: 'in capitals, such as TRACKED',
      is: (text) => /^[A-Z_]+$/.test(text),
      fillers: ['X', ''],
    }),
  },
  derived: ['repository_id'],
  limits: { space_id: 'owner_id' },
  derive: ({ callerType, callerId }) => ({ repository_id: `${callerType}/${callerId}` }),
}
