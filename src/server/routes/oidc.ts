import { z } from 'zod'
import type { SigningKeys, Rotation } from '../../oidc-issuer/index.ts'
import { recordedOperator } from '../../operators/index.ts'
import { withBody, type Route } from '../route.ts'

/** How long others may keep our keys; a new one is published long before it signs. */
const cacheSeconds = 300

const time = (ms: number) => new Date(ms).toISOString()

const keyFacts = z.object({
  key: z.string(),
  use: z.enum(['access', 'identity']),
  alg: z.enum(['ES256', 'RS256']),
  state: z.enum(['next', 'signs', 'retired']),
  created: z.string(),
  signs_from: z.string(),
  published_until: z.string().optional(),
})

const rotated = z.object({
  key: z.string(),
  use: z.enum(['access', 'identity']),
  alg: z.enum(['ES256', 'RS256']),
  replaces: z.string(),
  withdrawn: z
    .array(z.string())
    .optional()
    .describe('With `now`: all that are published no more, first the one that signed.'),
  signs_from: z.string(),
  replaced_until: z.string(),
  pending: z.boolean(),
})

const rotateBody = z.strictObject({
  use: z.enum(['access', 'identity']).optional(),
  now: z.boolean().default(false),
})

/** Our own OIDC issuer: what it publishes, and its keys. */
export function oidcRoutes(deps: {
  signingKeys: SigningKeys
  rotation: Rotation
  clock: { nowMs(): number }
  url: () => string
}): Route[] {
  const { signingKeys, rotation, url } = deps
  return [
    {
      method: 'GET',
      path: '/.well-known/openid-configuration',
      summary: 'OpenID Connect discovery, for those who trust our identity tokens',
      auth: 'none',
      cacheSeconds,
      response: z.looseObject({}),
      handle: async () => discovery(url()),
    },
    {
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'Public keys of our identity tokens (RFC 7517)',
      auth: 'none',
      cacheSeconds,
      response: z.looseObject({}),
      async handle() {
        // Whoever trusts us before the first token is signed has its key.
        await Promise.all([
          signingKeys.firstSigner('identity', 'RS256'),
          signingKeys.firstSigner('identity', 'ES256'),
        ])
        return { keys: signingKeys.published('identity').map(({ publicJwk }) => publicJwk) }
      },
    },
    {
      method: 'GET',
      path: '/v1/oidc/keys',
      summary: 'The signing keys: next, in use, and retired ones whose tokens may still be met',
      auth: 'vault:admin',
      response: z.object({ keys: z.array(keyFacts) }),
      async handle() {
        await signingKeys.refresh()
        return { keys: keysOf(signingKeys, deps.clock.nowMs()) }
      },
    },
    {
      method: 'POST',
      path: '/v1/oidc/rotate',
      summary:
        'Make the next signing keys; with `now` they sign at once, and nothing signed before is good any more',
      auth: 'vault:admin',
      response: z.object({ rotated: z.array(rotated) }),
      ...withBody(rotateBody, async (call, { use, now }) => {
        const by = { request: call.requestId, by: recordedOperator(call.operator), token: call.operator?.id }
        const made = await rotation.rotate({ use, now, by })
        return {
          rotated: made.map(
            ({ kid, alg, replaces, withdrawn, signsFromMs, replacedUntilMs, pending = false, ...one }) => ({
              ...{ key: kid, use: one.use, alg, replaces, pending },
              ...(withdrawn === undefined ? {} : { withdrawn: [...withdrawn] }),
              signs_from: time(signsFromMs),
              replaced_until: time(replacedUntilMs),
            }),
          ),
        }
      }),
    },
  ]
}

/** OpenID Connect Discovery 1.0, section 3, as far as there is something: nobody signs in here. */
function discovery(issuer: string) {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    scopes_supported: ['openid'],
    claims_supported: [
      ...['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti'],
      ...['role', 'run', 'step', 'lease', 'ci', 'repository', 'repository_id', 'ref', 'commit'],
    ],
  }
}

function keysOf(signingKeys: SigningKeys, now: number): z.output<typeof keyFacts>[] {
  return [...signingKeys.published('access'), ...signingKeys.published('identity')].map((key) => ({
    ...{ key: key.kid, use: key.use, alg: key.alg },
    state: key.notBeforeMs > now ? 'next' : (key.retiredMs ?? now + 1) <= now ? 'retired' : 'signs',
    created: time(key.createdMs),
    signs_from: time(key.notBeforeMs),
    ...(key.withdrawnMs === undefined ? {} : { published_until: time(key.withdrawnMs) }),
  }))
}
