import { createHash } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { MayflyError, limits, messageOf, nowSeconds, type Clock } from '../lib/index.ts'
import type { IssuerConfig } from '../config/index.ts'
import { githubActions } from './github-actions.ts'
import { gitlab } from './gitlab.ts'
import type { AttributeName, Identity, IdentityRefusal, IdentityResult } from './identity.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import { oidc } from './oidc.ts'
import type { Profile } from './profile.ts'

const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
/** How far an issuer's clock may be from ours. */
const skewSeconds = 30
const maxLifetimeSeconds = 86_400

export interface IdentityVerifier {
  /** Verifies a CI's identity token (a JWS in compact form). Refusals are returned; nothing is thrown. */
  verify(token: string): Promise<IdentityResult>
}

interface Issuer {
  name: string
  config: IssuerConfig
  profile: Profile
  keys: IssuerKeys
}

export function profileOf(config: IssuerConfig): Profile {
  switch (config.kind) {
    case 'github-actions':
      return githubActions
    case 'gitlab':
      return gitlab
    case 'oidc':
      return { ...oidc, pins: config.pins.map((claim) => (claim === 'sub' ? 'subject' : claim)) }
  }
}

/**
 * Makes the verifier of the issuers in mayfly.yaml.
 * `audience` is ours: a token made for anybody else is refused (RFC 8725, section 3.9).
 */
export function createIdentityVerifier(deps: {
  issuers: Readonly<Record<string, IssuerConfig>>
  /** What tokens must be made for; asked at each verification, since our URL is known only once we listen. */
  audience: () => string
  fetch: typeof fetch
  clock: Clock
}): IdentityVerifier {
  const byUrl = new Map<string, Issuer>()
  for (const [name, config] of Object.entries(deps.issuers)) {
    const keys = createIssuerKeys({ url: config.url, fetch: deps.fetch, clock: deps.clock })
    byUrl.set(config.url, { name, config, profile: profileOf(config), keys })
  }
  return {
    async verify(token) {
      const audience = deps.audience()
      // jose takes an empty audience for none at all.
      if (audience === '') return refuse('audience_mismatch', 'this server does not know its own URL yet')
      if (token.length > limits.identityTokenBytes)
        return refuse('token_oversized', `over ${limits.identityTokenBytes} bytes`)
      const issuer = findIssuer(token, byUrl)
      if (!('keys' in issuer)) return issuer
      const checked = await checkSignature(token, issuer, audience, deps.clock)
      return checked.ok ? normalise(checked.payload, token, issuer, deps.clock) : checked
    },
  }
}

function refuse(reason: IdentityRefusal, detail: string): IdentityResult & { ok: false } {
  return { ok: false, reason, detail }
}

// What is read here is not verified yet: it only chooses whose keys to try.
function findIssuer(
  token: string,
  byUrl: ReadonlyMap<string, Issuer>,
): Issuer | (IdentityResult & { ok: false }) {
  let issuerUrl: unknown
  try {
    const { alg } = decodeProtectedHeader(token)
    // `none` and HMAC never get as far as a key: a public key must not serve as an HMAC secret.
    if (alg === undefined || !algorithms.includes(alg))
      return refuse('algorithm_refused', `alg ${JSON.stringify(alg)}`)
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    issuerUrl = typeof payload === 'object' && payload !== null && 'iss' in payload ? payload.iss : undefined
  } catch (error) {
    return refuse('token_malformed', messageOf(error))
  }
  const issuer = typeof issuerUrl === 'string' ? byUrl.get(issuerUrl) : undefined
  return (
    issuer ?? refuse('issuer_unknown', `iss ${JSON.stringify(issuerUrl)?.slice(0, 200)} is not under issuers`)
  )
}

async function checkSignature(
  token: string,
  issuer: Issuer,
  audience: string,
  clock: Clock,
): Promise<{ ok: true; payload: JWTPayload } | (IdentityResult & { ok: false })> {
  const options = {
    algorithms,
    audience,
    issuer: issuer.config.url,
    clockTolerance: skewSeconds,
    currentDate: new Date(clock.nowMs()),
    requiredClaims: ['exp', 'iat', 'sub'],
  }
  const attempt = async (keys: JWTVerifyGetKey) => ({
    ok: true as const,
    payload: (await jwtVerify(token, keys, options)).payload,
  })
  try {
    try {
      return await attempt(await issuer.keys.get())
    } catch (error) {
      // The issuer may have rotated its keys since we asked.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      return await attempt(await issuer.keys.get(true))
    }
  } catch (error) {
    return refusalOf(error)
  }
}

function refusalOf(error: unknown): IdentityResult & { ok: false } {
  const detail = messageOf(error)
  if (error instanceof MayflyError) return refuse('issuer_unreachable', detail)
  if (error instanceof errors.JWTExpired) return refuse('token_expired', detail)
  if (error instanceof errors.JWKSNoMatchingKey)
    return refuse('key_unknown', 'no key of the issuer has this kid')
  if (error instanceof errors.JWSSignatureVerificationFailed) return refuse('signature_invalid', detail)
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return refuse('audience_mismatch', detail)
    if (error.reason === 'missing') return refuse('claim_missing', detail)
    if (error.claim === 'nbf' || error.claim === 'iat') return refuse('token_not_yet_valid', detail)
    return refuse('claim_missing', detail)
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return refuse('algorithm_refused', detail)
  }
  return refuse('token_malformed', detail)
}

/** Ours and nobody else's: what is good at another place too could have been taken there (RFC 8725, section 3.9). */
function isForOthersToo(payload: JWTPayload): boolean {
  return Array.isArray(payload.aud) && payload.aud.length > 1
}

function normalise(payload: JWTPayload, token: string, issuer: Issuer, clock: Clock): IdentityResult {
  const { profile, config } = issuer
  const claims = textClaims(payload)
  const missing = profile.required.filter((claim) => claims[claim] === undefined)
  if (missing.length > 0) return refuse('claim_missing', `the token has no ${missing.join(', ')}`)
  if (isForOthersToo(payload))
    return refuse('audience_mismatch', 'the token is for several audiences, not for us alone')
  // jose looks at iat only to see how old a token is, not whether it is from the future.
  if (Number(payload.iat) > nowSeconds(clock) + skewSeconds) {
    return refuse('token_not_yet_valid', '"iat" claim timestamp check failed (it is in the future)')
  }
  const lifetime = Number(payload.exp) - Number(payload.iat)
  if (!(lifetime > 0 && lifetime <= maxLifetimeSeconds))
    return refuse('token_expired', `a lifetime of ${lifetime} s is refused`)
  const owner =
    config.kind === 'github-actions'
      ? config.owner_id
      : config.kind === 'gitlab'
        ? config.namespace_id
        : undefined
  const attributes: Partial<Record<AttributeName, string>> = {}
  for (const [attribute, claim] of Object.entries(profile.claims)) {
    const value = claims[claim]
    if (value !== undefined && value !== '') attributes[attribute as AttributeName] = value
  }
  if (owner !== undefined && attributes.owner_id !== owner) {
    return refuse('owner_mismatch', `owner id ${attributes.owner_id} instead of ${owner}`)
  }
  if (config.kind === 'gitlab') attributes.ref = gitlabRef(claims)
  const tokenId = claims['jti'] ?? digestOfPayload(token)
  const identity: Identity = {
    issuer: issuer.name,
    issuerUrl: config.url,
    attributes,
    run: {
      id: claims[profile.run.id] ?? tokenId,
      attempt: claims[profile.run.attempt] ?? '1',
      job: claims[profile.run.job] ?? '',
    },
    claims,
    tokenId,
    expiresSeconds: Math.ceil(Number(payload.exp)),
  }
  return { ok: true, identity }
}

function gitlabRef(claims: Readonly<Record<string, string>>): string {
  const kind = claims['ref_type'] === 'tag' ? 'tags' : 'heads'
  return `refs/${kind}/${claims['ref']}`
}

// A token without `jti` is known by its decoded payload: neither a re-encoded signature nor loose
// base64url makes another token of it.
function digestOfPayload(token: string): string {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url')
  return createHash('sha256').update(payload).digest('base64url')
}

function textClaims(payload: JWTPayload): Record<string, string> {
  const claims: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(payload)) {
    if (typeof value === 'string') claims[name] = value
    else if (typeof value === 'number' || typeof value === 'boolean') claims[name] = String(value)
  }
  return claims
}
