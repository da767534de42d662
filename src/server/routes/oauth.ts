import { z } from 'zod'
import type { ExchangeDeps } from '../exchange-deps.ts'
import { exchangeRequest, exchangeToken } from '../exchange.ts'
import { cancelRequest, pollPeople, pollRequest } from '../grant-flow.ts'
import { withBody, type Route } from '../route.ts'
import { MayflyError } from '../../lib/index.ts'
import { exchangeResponse } from '../token-answer.ts'

const tokenForm = z.object({ token: z.string().min(1), token_type_hint: z.string().optional() })
const cancelForm = z.object({ device_code: z.string().min(1).max(128) })

/** OAuth 2.0: token exchange (RFC 8693), introspection (7662), revocation (7009), metadata (8414). */
export function oauthRoutes(deps: ExchangeDeps): Route[] {
  const { tokens, broker, url } = deps
  const metadata = () => ({
    issuer: url(),
    token_endpoint: `${url()}/oauth/token`,
    introspection_endpoint: `${url()}/oauth/introspect`,
    revocation_endpoint: `${url()}/oauth/revoke`,
    jwks_uri: `${url()}/oauth/jwks.json`,
    grant_types_supported: [
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    response_types_supported: ['none'],
    token_endpoint_auth_methods_supported: ['none'],
    dpop_signing_alg_values_supported: ['ES256'],
  })
  return [
    {
      method: 'POST',
      path: '/oauth/token',
      summary:
        'Exchange a CI identity token for a session (RFC 8693, DPoP-bound by RFC 9449), or poll for its approval (RFC 8628)',
      auth: 'none',
      bodyType: 'form',
      response: exchangeResponse,
      ...withBody(z.discriminatedUnion('grant_type', [exchangeRequest, pollRequest]), (call, body) => {
        refuseWhileSealed(deps)
        return 'device_code' in body ? pollPeople(deps, call, body) : exchangeToken(deps, call, body)
      }),
    },
    {
      method: 'POST',
      path: '/oauth/cancel',
      summary: 'Take back a request that waits for approval, by its code and the key that asked',
      auth: 'none',
      bodyType: 'form',
      response: z.object({}),
      ...withBody(cancelForm, (call, body) => cancelRequest(deps, call, body.device_code)),
    },
    {
      method: 'POST',
      path: '/oauth/introspect',
      summary: 'Is this token in force? (RFC 7662)',
      auth: 'session:read',
      bodyType: 'form',
      response: z.looseObject({ active: z.boolean() }),
      ...withBody(tokenForm, async (_call, { token }) => {
        const access = await tokens.verify(token)
        if (!access.ok) return { active: false }
        const { session, run, roles, step, jkt, actor, expiresSeconds } = access.claims
        const alive =
          step === undefined ? (await broker.session(session)) !== undefined : broker.step(step) !== undefined
        if (!alive) return { active: false }
        return {
          active: true,
          sub: session,
          run,
          scope: roles.join(' '),
          exp: expiresSeconds,
          cnf: { jkt },
          act: { sub: actor },
          token_type: 'DPoP',
          ...(step === undefined ? {} : { step }),
        }
      }),
    },
    {
      method: 'POST',
      path: '/oauth/revoke',
      summary: 'End a session or step by its token, with every lease it has (RFC 7009)',
      auth: 'dpop',
      bodyType: 'form',
      response: z.object({}),
      ...withBody(tokenForm, async (call, { token }) => {
        const access = await tokens.verify(token)
        // RFC 7009, section 2.2: an unknown token is no error; somebody else's is left alone.
        if (!access.ok || access.claims.jkt !== call.access?.jkt) return {}
        const { step, session } = access.claims
        const ofStep = step === undefined ? undefined : broker.step(step)
        if (ofStep !== undefined) await broker.endStep(ofStep, { reason: 'revoked_by_client' })
        const ofSession = step === undefined ? await broker.session(session) : undefined
        if (ofSession !== undefined) await broker.endSession(ofSession, 'finished')
        return {}
      }),
    },
    wellKnown(
      '/.well-known/oauth-authorization-server',
      'Authorization server metadata (RFC 8414)',
      metadata,
    ),
    wellKnown('/oauth/jwks.json', 'Public keys of our access tokens (RFC 7517)', () => tokens.publicJwks),
  ]
}

function wellKnown(path: string, summary: string, answer: () => object): Route {
  return {
    method: 'GET',
    path,
    summary,
    auth: 'none',
    response: z.looseObject({}),
    handle: async () => answer(),
  }
}

/** Before the token is used up: the job may come again. */
function refuseWhileSealed({ vaultControl }: ExchangeDeps): void {
  const why = vaultControl.closed()
  if (why !== undefined) throw new MayflyError('vault_sealed', `nothing is issued: ${why}`)
}
