import type { Profile } from '../profile.ts'

/** Any OpenID Connect provider: nothing is known but `sub`. Rules name its claims under `claims:`. */
export function oidcWithPins(pins: readonly string[]): Profile {
  return {
    required: ['sub'],
    claims: { subject: 'sub' },
    run: { id: 'jti' },
    pins: pins.map((claim) => (claim === 'sub' ? 'subject' : claim)),
    ids: {},
    forms: {},
    limits: {},
  }
}
