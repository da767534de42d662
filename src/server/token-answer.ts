import { z } from 'zod'
import { nowSeconds, type Clock } from '../lib/index.ts'
import type { AccessTokens, Session } from '../broker/index.ts'
import { tokenExpiry } from './lifetime.ts'

export const exchangeResponse = z.object({
  access_token: z.string(),
  issued_token_type: z.literal('urn:ietf:params:oauth:token-type:access_token'),
  token_type: z.literal('DPoP'),
  expires_in: z.int(),
  scope: z.string(),
  session_id: z.string(),
  run_id: z.string(),
})

/** The session's first access token, as the token endpoint answers. */
export async function answerWith(
  deps: { tokens: AccessTokens; clock: Clock },
  session: Session,
): Promise<z.output<typeof exchangeResponse>> {
  const expiresSeconds = tokenExpiry(session.expiresMs, deps.clock)
  const access_token = await deps.tokens.sign({
    session: session.id,
    run: session.runId,
    roles: session.roles,
    jkt: session.jkt,
    actor: session.actor,
    expiresSeconds,
  })
  return {
    access_token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'DPoP',
    expires_in: expiresSeconds - nowSeconds(deps.clock),
    scope: session.roles.join(' '),
    session_id: session.id,
    run_id: session.runId,
  }
}
