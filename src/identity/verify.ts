import type { JWTPayload } from 'jose'
import type { IssuerConfig } from '../config/index.ts'
import type { Clock } from '../lib/index.ts'
import { parseCompactToken } from './compact-token.ts'
import { refuse, type IdentityResult } from './identity.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import { normalise } from './normalise.ts'
import type { Profile } from './profile.ts'
import { profileOf } from './profiles.ts'
import { checkSignature } from './signature.ts'
import { checkValidity } from './validity.ts'

export interface IdentityVerifier {
  /** Verifies a CI's identity token (a JWS in compact form). Refusals are returned; nothing is thrown. */
  verify(token: string): Promise<IdentityResult>
}

interface Issuer {
  readonly name: string
  readonly config: IssuerConfig
  readonly profile: Profile
  readonly keys: IssuerKeys
}

/**
 * Makes the verifier of the issuers in mayfly.yaml.
 * `audience` is ours: a token made for anybody else is refused (RFC 8725, section 3.9), unless the issuer's
 * configuration names the one audience that its CI can write.
 */
export function createIdentityVerifier(deps: {
  issuers: Readonly<Record<string, IssuerConfig>>
  /** What tokens must be made for; asked at each verification, since our URL is known only once we listen. */
  audience: () => string
  fetch: typeof fetch
  clock: Clock
}): IdentityVerifier {
  const { clock } = deps
  const byUrl = new Map<string, Issuer>()
  for (const [name, config] of Object.entries(deps.issuers)) {
    const keys = createIssuerKeys({ url: config.url, fetch: deps.fetch, clock })
    byUrl.set(config.url, { name, config, profile: profileOf(config), keys })
  }
  return {
    async verify(text) {
      const token = parseCompactToken(text)
      if (!token.ok) return token
      // Not verified yet: it only chooses whose keys to try.
      const issuer = typeof token.issuer === 'string' ? byUrl.get(token.issuer) : undefined
      if (issuer === undefined)
        return refuse(
          'issuer_unknown',
          `iss ${JSON.stringify(token.issuer)?.slice(0, 200)} is not under issuers`,
        )
      const audience = issuer.config.audience ?? deps.audience()
      // jose takes an empty audience for none at all.
      if (audience === '') return refuse('audience_mismatch', 'this server does not know its own URL yet')
      const { keys } = issuer
      const checked = await checkSignature(text, { issuerUrl: issuer.config.url, audience, keys, clock })
      if (!checked.ok) return checked
      const { payload } = checked
      if (isForOthersToo(payload))
        return refuse('audience_mismatch', 'the token is for several audiences, not for us alone')
      return checkValidity(payload, clock) ?? normalise(payload, token.payloadBytes, issuer)
    },
  }
}

/** Ours and nobody else's: what is good at another place too could have been taken there (RFC 8725, section 3.9). */
function isForOthersToo(payload: JWTPayload): boolean {
  return Array.isArray(payload.aud) && payload.aud.length > 1
}
