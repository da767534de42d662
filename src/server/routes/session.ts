import { z } from 'zod'
import { MayflyError } from '../../lib/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import {
  scopes,
  type ApiTokens,
  type CliLogin,
  cookieNames,
  readCookie,
  csrfTokenOf,
  type OperatorSessions,
  recordedOperator,
} from '../../operators/index.ts'
import type { Store } from '../../store/index.ts'
import { withBody, type Route } from '../route.ts'

export interface SessionRoutesDeps {
  audit: AuditClient
  apiTokens: ApiTokens
  store: Store
  sessions: OperatorSessions
  cliLogin: CliLogin
  url: () => string
}

/** Who am I, and no longer; and the token of `mayfly login`. */
export function sessionRoutes(deps: SessionRoutesDeps): Route[] {
  const { audit, apiTokens, sessions, cliLogin } = deps
  return [
    {
      method: 'GET',
      path: '/auth/session',
      summary: 'Who is signed in, what they may do, and the token that changes by cookie need',
      auth: 'operator',
      response: z.object({
        name: z.string(),
        person: z.boolean(),
        scopes: z.array(z.enum(scopes)),
        csrf: z.string().optional(),
      }),
      async handle({ operator, headers }) {
        if (operator === undefined) throw new MayflyError('unauthorized', 'sign in first')
        const cookie =
          headers.authorization === undefined
            ? readCookie(headers.cookie, cookieNames(deps.url()).session)
            : undefined
        const csrf = cookie === undefined ? {} : { csrf: csrfTokenOf(cookie) }
        return { name: operator.name, person: operator.login !== undefined, scopes: operator.scopes, ...csrf }
      },
    },
    {
      method: 'DELETE',
      path: '/auth/session',
      summary: 'Sign out: the browser’s session, or the token of mayfly login',
      auth: 'operator',
      response: z.object({ ended: z.literal(true) }),
      async handle({ operator, headers, requestId }) {
        if (operator?.login === undefined)
          throw new MayflyError('denied', 'this API token is no sign-in: mayfly token revoke ID')
        const cookie = readCookie(headers.cookie, cookieNames(deps.url()).session)
        // Ended first: a log that is down keeps nobody signed in.
        if (headers.authorization === undefined && cookie !== undefined) await sessions.end(cookie)
        else await deps.store.write((tx) => apiTokens.revoke(tx, operator.id))
        const data = { request: requestId, by: recordedOperator(operator), token: operator.id }
        await audit.append({ type: 'operator.signedout', data }).catch(() => undefined)
        return { ended: true }
      },
    },
    {
      method: 'POST',
      path: '/auth/cli/token',
      summary: 'The token of mayfly login, for the code that the browser brought and its PKCE verifier',
      auth: 'none',
      response: z.object({ token: z.string(), expires: z.string(), name: z.string() }),
      ...withBody(
        z.strictObject({ code: z.string().max(128), verifier: z.string().min(43).max(128) }),
        async (_call, { code, verifier }) => {
          const { token, expiresMs, name } = await cliLogin.redeem(code, verifier)
          return { token, expires: new Date(expiresMs).toISOString(), name }
        },
      ),
    },
  ]
}
