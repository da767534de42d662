import type { IncomingHttpHeaders } from 'node:http'
import { MayflyError, constantTimeEqual } from '../lib/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { ApiTokens } from './api-tokens.ts'
import { cookieNames, readCookie } from './cookies.ts'
import type { Operator, Login } from './operator.ts'
import { identifyPerson, permittedScopes } from './people.ts'
import { csrfTokenOf, type OperatorSessions } from './sessions.ts'

/** What is looked at of a request: the rest of it is the server's. */
export interface HttpRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/** Who an operator's request is by: an API token, or the cookie of somebody who signed in. */
export interface OperatorAccess {
  /**
   * Throws `unauthorized` for nobody, and `denied` for a change that another site's page could have sent. `csrf` is
   * the token of a form; scripts send it as `x-mayfly-csrf`.
   */
  authenticate(request: HttpRequest, csrf?: unknown): Promise<Operator>
}

export const csrfHeader = 'x-mayfly-csrf'

export function createOperatorAccess(deps: {
  apiTokens: ApiTokens
  sessions: OperatorSessions
  rules: Pick<RulesHolder, 'loaded' | 'current'>
  url: () => string
}): OperatorAccess {
  const { apiTokens, sessions, rules } = deps

  /** What a person may do is asked each time: a change of the policy is in force at once. */
  function personOf(id: string, login: Login): Operator {
    const document = rules.loaded ? rules.current().document : undefined
    const person = document === undefined ? undefined : identifyPerson(document, login)
    const scopes = document === undefined ? [] : permittedScopes(document, login)
    return { id, name: person?.name ?? login.subject, scopes, login }
  }

  async function byCookie(request: HttpRequest, csrf: unknown): Promise<Operator | undefined> {
    const cookie = readCookie(request.headers.cookie, cookieNames(deps.url()).session)
    const session = cookie === undefined ? undefined : await sessions.authenticate(cookie)
    if (cookie === undefined || session === undefined) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD')
      refuseForgery(request, csrf ?? request.headers[csrfHeader], cookie, deps.url())
    return personOf(session.id, session.login)
  }

  return {
    async authenticate(request, csrf) {
      const { authorization } = request.headers
      if (authorization === undefined) {
        const person = await byCookie(request, csrf)
        if (person !== undefined) return person
      }
      const [scheme, token = ''] = (authorization ?? '').split(' ')
      const operator = scheme === 'Bearer' ? await apiTokens.authenticate(token) : undefined
      if (operator === undefined)
        throw new MayflyError(
          'unauthorized',
          'this needs an API token in force: Authorization: Bearer (MAYFLY_TOKEN, or mayfly login)',
        )
      return operator.login === undefined ? operator : personOf(operator.id, operator.login)
    },
  }
}

/** A person below admin, who must not become one by a policy of their own. */
export function mayNotNamePeople(operator: Operator | undefined): boolean {
  return operator?.login !== undefined && !operator.scopes.includes('token:write')
}

/** A cookie comes with whatever page made the browser ask; that it was ours has to be shown twice over. */
function refuseForgery(request: HttpRequest, csrf: unknown, cookie: string, url: string): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin !== new URL(url).origin || (site !== undefined && site !== 'same-origin'))
    throw new MayflyError('denied', 'this request does not come from a page of this server (Origin)')
  if (typeof csrf !== 'string' || !constantTimeEqual(csrf, csrfTokenOf(cookie)))
    throw new MayflyError(
      'denied',
      `this request lacks the session’s token (${csrfHeader}): load the page again`,
    )
}
