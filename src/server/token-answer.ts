import { z } from 'zod'
import { nowSeconds, type Clock } from '../lib/index.ts'
import type { AccessTokens, Session } from '../broker/index.ts'
import { tokenExpiry } from './lifetime.ts'

/** RFC 8628, section 3.2, as far as it fits: what to poll with, who can approve, and where. */
export const pendingApproval = z.object({
  device_code: z.string(),
  approval_id: z.string(),
  interval: z.int(),
  expires_in: z.int(),
  verification_uri: z.string(),
  approvers: z.string(),
  scope: z.string(),
})

export const exchangeResponse = z.object({
  access_token: z.string(),
  issued_token_type: z.literal('urn:ietf:params:oauth:token-type:access_token'),
  token_type: z.literal('DPoP'),
  expires_in: z.int(),
  scope: z.string(),
  session_id: z.string(),
  run_id: z.string(),
  pending: pendingApproval
    .optional()
    .describe('The other roles that were asked for: people must approve them first.'),
})

/** The session's first access token, as the token endpoint answers. */
export function answerWith(
  deps: { tokens: AccessTokens; clock: Clock },
  session: Session,
): z.output<typeof exchangeResponse> {
  const expiresSeconds = tokenExpiry(session.expiresMs, deps.clock)
  const access_token = deps.tokens.sign({
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
