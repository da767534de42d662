import { formOf } from '../../lib/index.ts'
import type { Profile } from '../profile.ts'

/** SPIFFE-ID, section 2: a trust domain, then segments that are neither empty nor dots alone. */
const spiffeId = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+)$/

/**
 * SPIFFE JWT-SVID. `iss` is no part of the standard, so the trust domain must have an OIDC discovery provider that
 * sets it. A SPIFFE ID is given for good within its trust domain, so it serves as the id.
 * Source: SPIFFE JWT-SVID, sections 3 and 4; SPIFFE-ID, section 2.
 */
export const spiffe: Profile = {
  required: ['sub'],
  claims: { subject: 'sub' },
  run: { id: 'jti' },
  pins: ['subject'],
  ids: {},
  forms: {
    subject: formOf({
      rule: 'a SPIFFE ID, such as spiffe://example.org/ns/ci/sa/builder',
      is: (text) => spiffeId.test(text),
      fillers: ['x', '', '/x', 'x/x', 'spiffe://x/x', 'spiffe://x', 'spiffe://', 'spiffe:/'],
    }),
  },
  derived: ['owner', 'repository'],
  limits: { trust_domain: 'owner' },
  derive({ sub = '' }) {
    const [, trustDomain, path] = spiffeId.exec(sub) ?? []
    return trustDomain === undefined || path === undefined
      ? {}
      : { owner: trustDomain, repository: path.slice(1) }
  },
}
