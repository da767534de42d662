import type { IssuerConfig } from '../config/index.ts'
import { messageOf, type Clock } from '../lib/index.ts'
import { checksHere, type Checks } from './checks.ts'
import { parseCompactToken, type SignedToken } from './compact-token.ts'
import { refuse, type IdentityResult, type Refused } from './identity.ts'
import { createIssuerKeys, type IssuerKeys, type KnownKeys } from './issuer-keys.ts'
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
  /** Our own URL: as an issuer it is refused, or tokens that we sign for others would let their holders in. */
  ownUrl?: () => string
  fetch: typeof fetch
  clock: Clock
  /** Tokens that were issued before (Unix seconds) are refused: whether they were used is not known. */
  issuedSince?: () => number
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
      const cameMs = clock.nowMs()
      const token = parseCompactToken(text)
      if (!token.ok) return token
      const { claims } = token
      // Not verified yet: it only chooses whose keys to try.
      const issuer = typeof claims['iss'] === 'string' ? byUrl.get(claims['iss']) : undefined
      if (issuer !== undefined && issuer.config.url === deps.ownUrl?.())
        return refuse('issuer_unknown', 'this server takes no tokens of its own for those of a CI')
      if (issuer === undefined)
        return refuse(
          'issuer_unknown',
          `iss ${JSON.stringify(claims['iss'])?.slice(0, 200)} is not under issuers`,
        )
      const audience = issuer.config.audience ?? deps.audience()
      if (audience === '') return refuse('audience_mismatch', 'this server does not know its own URL yet')
      const checked = await checkWithKeysOf(issuer.keys, token.signed, checks, cameMs)
      if (!checked.ok) return checked
      const invalid = checkValidity(claims, audience, clock)
      if (invalid !== undefined) return invalid
      if (Number(claims['iat']) < (deps.issuedSince?.() ?? 0))
        return refuse(
          'token_expired',
          'it was issued before the store of this server was restored from a backup, which does not know whether it was used; ask your CI for a fresh one',
        )
      return normalise(claims, token.payloadBytes, issuer)
    },
  }
}

/**
 * A key that is not known may be one that the issuer has begun to use since we asked it. It is asked again, but not for
 * every token that somebody made up: within the time that it is left alone the answer is "later", which costs a
 * stranger's token nothing more than another's, and is final only if the issuer was asked after the token came.
 */
async function checkWithKeysOf(
  keys: IssuerKeys,
  token: SignedToken,
  checks: Checks,
  cameMs: number,
): Promise<SignatureResult> {
  for (const fresh of [false, true]) {
    const known = await keysOf(keys, fresh)
    if ('ok' in known) return known
    const checked = await checks.token(token, known.jwks)
    const isFinal = known.askedMs >= cameMs
    if (checked.ok || checked.reason !== 'key_unknown' || isFinal) return checked
  }
  const retryAfterSeconds = keys.retryAfterSeconds()
  const why = `the issuer has no such key by what it said a moment ago; it may have a new one, and is asked again in ${retryAfterSeconds} s`
  return { ...refuse('key_unknown', why), retryAfterSeconds }
}

async function keysOf(keys: IssuerKeys, fresh: boolean): Promise<KnownKeys | Refused> {
  return keys.get(fresh).catch((error: unknown) => ({
    ...refuse('issuer_unreachable', messageOf(error)),
    retryAfterSeconds: keys.retryAfterSeconds(),
  }))
}
