import { z } from 'zod'
import { MayflyError, nowSeconds, type Clock } from '../../lib/index.ts'
import type { AccessTokens, Broker } from '../../broker/index.ts'
import type { EndNotices } from '../end-notices.ts'
import { tokenExpiry } from '../lifetime.ts'
import type { Call, Route } from '../route.ts'

/** A new token for a session or step that stands, to whoever proves to hold its key; never past the role's limit. */
export function renewRoute(deps: {
  broker: Broker
  tokens: AccessTokens
  clock: Clock
  notices: EndNotices
}): Route {
  const { broker, tokens, clock, notices } = deps
  return {
    method: 'POST',
    path: '/oauth/renew',
    summary:
      'The same token with a new end: of a session or step, by proof of its key, up to the role’s limit',
    auth: 'dpop',
    response: z.object({ access_token: z.string(), token_type: z.literal('DPoP'), expires_in: z.int() }),
    async handle({ access }: Call) {
      if (access === undefined) throw new MayflyError('unauthorized', 'this needs a session')
      // What it stands for is asked, not what the old token says: its roles, its end and its key are there.
      const step = access.step === undefined ? undefined : broker.step(access.step)
      const session = access.step === undefined ? await broker.session(access.session) : step?.session
      if (session === undefined)
        throw access.step === undefined
          ? notices.ofSession(broker.endOf({ session: access.session }))
          : notices.ofStep(access.step)
      if (step === undefined) await broker.seen(session)
      const expiresSeconds = tokenExpiry(step?.expiresMs ?? session.expiresMs, clock)
      const access_token = tokens.sign({
        session: session.id,
        run: session.runId,
        roles: step === undefined ? session.roles : [step.role],
        ...(step === undefined ? {} : { step: step.id }),
        jkt: session.jkt,
        actor: session.actor,
        expiresSeconds,
      })
      return { access_token, token_type: 'DPoP', expires_in: expiresSeconds - nowSeconds(clock) }
    },
  }
}
