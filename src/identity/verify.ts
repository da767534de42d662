import type { IssuerConfig } from '../config/index.ts'
import { messageOf, type Clock } from '../lib/index.ts'
import { checksHere, type Checks } from './checks.ts'
import { parseCompactToken, type SignedToken } from './compact-token.ts'
import { refuse, type IdentityResult, type Refused } from './identity.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import { normalise } from './normalise.ts'
import type { SignatureResult } from './signature.ts'
import { checkValidity } from './validity.ts'

export interface IdentityVerifier {
  /** Verifies a CI's identity token (a JWS in compact form). Refusals are returned; rejects as `Checks` does. */
  verify(token: string): Promise<IdentityResult>
}

interface Issuer {
  readonly name: string
  readonly config: IssuerConfig
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
  /** Who checks signatures; in the caller's thread if it is not said. */
  checks?: Checks
}): IdentityVerifier {
  const { clock, checks = checksHere } = deps
  const byUrl = new Map<string, Issuer>()
  for (const [name, config] of Object.entries(deps.issuers)) {
    const keys = createIssuerKeys({ url: config.url, fetch: deps.fetch, clock })
    byUrl.set(config.url, { name, config, keys })
  }
  return {
    async verify(text) {
      const token = parseCompactToken(text)
      if (!token.ok) return token
      const { claims } = token
      // Not verified yet: it only chooses whose keys to try.
      const issuer = typeof claims['iss'] === 'string' ? byUrl.get(claims['iss']) : undefined
      if (issuer === undefined)
        return refuse(
          'issuer_unknown',
          `iss ${JSON.stringify(claims['iss'])?.slice(0, 200)} is not under issuers`,
        )
      const audience = issuer.config.audience ?? deps.audience()
      if (audience === '') return refuse('audience_mismatch', 'this server does not know its own URL yet')
      const checked = await checkWithKeysOf(issuer.keys, token.signed, checks)
      if (!checked.ok) return checked
      return checkValidity(claims, audience, clock) ?? normalise(claims, token.payloadBytes, issuer)
    },
  }
}

async function checkWithKeysOf(
  keys: IssuerKeys,
  token: SignedToken,
  checks: Checks,
): Promise<SignatureResult> {
  const jwks = await keysOf(keys)
  if (typeof jwks !== 'string') return jwks
  const checked = await checks.token(token, jwks)
  if (checked.ok || checked.reason !== 'key_unknown') return checked
  // The issuer may have rotated its keys since we asked.
  const fresh = await keysOf(keys, true)
  return typeof fresh === 'string' ? checks.token(token, fresh) : fresh
}

async function keysOf(keys: IssuerKeys, fresh = false): Promise<string | Refused> {
  return keys.get(fresh).catch((error: unknown) => refuse('issuer_unreachable', messageOf(error)))
}
