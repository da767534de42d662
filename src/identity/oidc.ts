import type { Profile } from './profile.ts'

/** Any OpenID Connect provider: nothing is known but `sub`. Rules name its claims under `claims:`. */
export const oidc: Profile = {
  required: ['sub'],
  claims: { subject: 'sub' },
  run: { id: 'jti', attempt: '', job: '' },
  pins: ['subject'],
  ids: {},
}
