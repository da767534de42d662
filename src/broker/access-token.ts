import { errors, jwtVerify, type JWK, type JWTPayload } from 'jose'
import {
  messageOf,
  newId,
  nowSeconds,
  type Clock,
  type RunId,
  type SessionId,
  type StepId,
} from '../lib/index.ts'
import { signCompact, type SigningKeys } from '../oidc-issuer/index.ts'

/** What our access token says (RFC 9068 `at+jwt`, bound to a DPoP key by RFC 9449 `cnf.jkt`). */
export interface AccessClaims {
  readonly session: SessionId
  readonly run: RunId
  readonly roles: readonly string[]
  /** Present on a step's token, which alone opens the gateway. */
  readonly step?: StepId
  readonly jkt: string
  /** The CI job, as its issuer calls it: `act.sub` (RFC 8693, section 4.1). */
  readonly actor: string
  readonly expiresSeconds: number
}

export type AccessResult =
  | { readonly ok: true; readonly claims: AccessClaims }
  | { readonly ok: false; readonly reason: 'invalid'; readonly detail: string }
  /** What it said while it held: to tell its owner how what it stood for has ended, and for nothing else. */
  | { readonly ok: false; readonly reason: 'expired'; readonly detail: string; readonly was: AccessClaims }

export interface AccessTokens {
  sign(claims: AccessClaims): string
  /** Signature, issuer, audience and times; whether the session still stands is the broker's to say. */
  verify(token: string): Promise<AccessResult>
  /** Public keys, for `/oauth/jwks.json`: of identity tokens for others there are other keys. */
  readonly publicJwks: { keys: JWK[] }
}

export function createAccessTokens(deps: {
  signingKeys: Pick<SigningKeys, 'signer' | 'find' | 'published'>
  /** Our own URL, known once we listen. */
  issuer: () => string
  clock: Clock
}): AccessTokens {
  const { signingKeys, issuer, clock } = deps
  return {
    get publicJwks() {
      return { keys: signingKeys.published('access').map(({ publicJwk }) => publicJwk) }
    },
    sign: (claims) =>
      signCompact(signingKeys.signer('access', 'ES256'), 'at+jwt', {
        scope: claims.roles.join(' '),
        run: claims.run,
        cnf: { jkt: claims.jkt },
        act: { sub: claims.actor },
        ...(claims.step === undefined ? {} : { step: claims.step }),
        iss: issuer(),
        aud: issuer(),
        sub: claims.session,
        jti: newId('at'),
        iat: nowSeconds(clock),
        exp: claims.expiresSeconds,
      }),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, ({ kid }) => keyNamed(signingKeys, kid), {
          algorithms: ['ES256'],
          typ: 'at+jwt',
          issuer: issuer(),
          audience: issuer(),
          currentDate: new Date(clock.nowMs()),
          requiredClaims: ['sub', 'exp', 'cnf', 'run', 'scope'],
        })
        const claims = claimsIn(payload)
        if (claims === undefined)
          return { ok: false, reason: 'invalid', detail: 'cnf.jkt or act.sub is missing' }
        return { ok: true, claims }
      } catch (error) {
        const detail = messageOf(error)
        // jose looks at the times last: signature, type, issuer and audience are good.
        const was = error instanceof errors.JWTExpired ? claimsIn(error.payload) : undefined
        return was === undefined
          ? { ok: false, reason: 'invalid', detail }
          : { ok: false, reason: 'expired', detail, was }
      }
    },
  }
}

/** By its id alone, among our own: nothing else in a token's header says where its key comes from. */
async function keyNamed(signingKeys: Pick<SigningKeys, 'find'>, kid: unknown) {
  const key = await signingKeys.find('access', kid)
  if (key === undefined) throw new Error('it is signed by no key of ours that is in use')
  return key.publicKey
}

/** Undefined if what every one of our tokens says is not there. */
function claimsIn(payload: JWTPayload): AccessClaims | undefined {
  const { jkt } = (payload['cnf'] ?? {}) as { jkt?: unknown }
  const { sub: actor } = (payload['act'] ?? {}) as { sub?: unknown }
  if (typeof jkt !== 'string' || jkt === '' || typeof actor !== 'string') return undefined
  return {
    session: payload.sub as SessionId,
    run: payload['run'] as RunId,
    roles: String(payload['scope']).split(' '),
    ...(payload['step'] === undefined ? {} : { step: payload['step'] as StepId }),
    jkt,
    actor,
    expiresSeconds: Number(payload.exp),
  }
}
