import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MayflyError } from '../../lib/index.ts'
import type { Approvals } from '../../approval/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import {
  type Operator,
  type Scope,
  type OperatorAccess,
  type CliLogin,
  cookieNames,
  readCookie,
  setCookie,
  permittedScopes,
  recordedLogin,
  csrfTokenOf,
  sessionSeconds,
  type OperatorSessions,
  signInSeconds,
  type SignIn,
} from '../../operators/index.ts'
import type { RulesHolder } from '../../rules/index.ts'
import { decisionReason, describeApproval } from '../routes/approvals.ts'
import type { Refusals } from '../refusals.ts'
import { toProblem } from '../wire-error.ts'
import { Html, html, page } from './html.ts'

export interface PagesDeps {
  rules: RulesHolder
  signIn: SignIn
  sessions: OperatorSessions
  operators: OperatorAccess
  approvals: Approvals
  cliLogin: CliLogin
  audit: AuditClient
  url: () => string
  refusals: Refusals
}

/** The few pages that a browser needs: sign-in, what waits for approval, `mayfly login`. Plain forms, no script. */
export function registerPages(app: FastifyInstance, deps: PagesDeps): void {
  registerSignIn(app, deps)
  registerApprovals(app, deps)
  registerCliLogin(app, deps)
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** A page's error is a page. */
function asPage(handle: Handler): Handler {
  return async (request, reply) => {
    // `same-origin`, since under `no-referrer` a form's Origin would be `null`.
    reply.headers({
      'content-security-policy':
        "default-src 'none'; form-action 'self' http://127.0.0.1:*; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
    })
    reply.type('text/html; charset=utf-8')
    try {
      return await handle(request, reply)
    } catch (error) {
      const { status, detail } = toProblem(error)
      // A fault is the server's to log.
      if (status >= 500) throw error
      reply.code(status)
      return page(
        'That did not work',
        html`<p>${detail}</p>
          <p>Request ${request.id}</p>`,
      )
    }
  }
}

function registerSignIn(app: FastifyInstance, deps: PagesDeps): void {
  const { signIn, sessions, audit, rules, url } = deps
  app.get(
    '/auth/login',
    asPage(async (request, reply) => {
      const { return_to } = request.query as { return_to?: unknown }
      const { location, cookie } = await signIn.begin(typeof return_to === 'string' ? return_to : undefined)
      reply.header('set-cookie', setCookie(url(), cookieNames(url()).signIn, cookie, signInSeconds))
      return reply.redirect(location, 303)
    }),
  )
  app.get(
    '/auth/callback',
    asPage(async (request, reply) => {
      const names = cookieNames(url())
      // Once: whatever comes of it, the same answer opens no second session.
      reply.header('set-cookie', setCookie(url(), names.signIn, '', 0))
      const { login, returnTo } = await signIn.finish(
        request.query as Record<string, unknown>,
        readCookie(request.headers.cookie, names.signIn),
      )
      const permitted = permittedScopes(rules.current().document, login)
      if (permitted.length === 0) {
        const data = {
          request: request.id,
          by: recordedLogin(login, login.email ?? login.subject),
          groups: login.groups.slice(0, 50),
        }
        // At a public provider anybody can come this far.
        await deps.refusals.record(request.ip, { type: 'operator.refused', data })
        throw new MayflyError(
          'denied',
          'you are who you say, but in no group that may do anything here (sign_in.permissions in mayfly.yaml)',
        )
      }
      const before = readCookie(request.headers.cookie, names.session)
      if (before !== undefined) await sessions.end(before)
      await audit.append({
        type: 'operator.signedin',
        data: {
          request: request.id,
          by: recordedLogin(login, login.email ?? login.subject),
          scopes: permitted,
        },
      })
      const { token } = await sessions.create(login)
      reply.header('set-cookie', setCookie(url(), names.session, token, sessionSeconds))
      return reply.redirect(returnTo, 303)
    }),
  )
}

/** The person at this browser; undefined after having sent them to sign in and come back. */
async function personAt(
  deps: PagesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  scope?: Scope,
): Promise<{ operator: Operator; csrf: string } | undefined> {
  const cookie = readCookie(request.headers.cookie, cookieNames(deps.url()).session)
  const { csrf } = (request.body ?? {}) as { csrf?: unknown }
  const operator = await deps.operators.authenticate(request, csrf ?? '').catch((error: unknown) => {
    if (error instanceof MayflyError && error.code === 'unauthorized' && request.method === 'GET')
      return undefined
    throw error
  })
  if (operator === undefined || cookie === undefined) {
    void reply.redirect(`/auth/login?return_to=${encodeURIComponent(request.url)}`, 303)
    return undefined
  }
  if (scope !== undefined && !operator.scopes.includes(scope))
    throw new MayflyError('denied', `${operator.name} lacks the scope ${scope}`)
  return { operator, csrf: csrfTokenOf(cookie) }
}

function registerApprovals(app: FastifyInstance, deps: PagesDeps): void {
  const { approvals } = deps
  app.get(
    '/approvals',
    asPage(async (request, reply) => {
      if ((await personAt(deps, request, reply, 'approval:read')) === undefined) return reply
      const waiting = (await approvals.list('pending')).map(describeApproval)
      const items = waiting.map(
        ({ id, roles, operation, identity }) =>
          html`<li>
            <a href="/approvals/${id}">${id}</a> ${(operation?.operations ?? roles).join(', ')} for
            ${identity['repository'] ?? ''} ${identity['ref'] ?? ''}
          </li>`,
      )
      return page(
        'Waiting for approval',
        items.length === 0
          ? html`<p>Nothing.</p>`
          : html`<ul>
              ${items}
            </ul>`,
      )
    }),
  )
  app.get(
    '/approvals/:id',
    asPage(async (request, reply) => {
      const person = await personAt(deps, request, reply, 'approval:read')
      if (person === undefined) return reply
      const { id } = request.params as { id: string }
      return page('Approval', approvalPage(describeApproval(await approvals.show(id)), person))
    }),
  )
  app.post(
    '/approvals/:id',
    asPage(async (request, reply) => {
      const person = await personAt(deps, request, reply, 'approval:decide')
      if (person === undefined) return reply
      const { id } = request.params as { id: string }
      const { verdict, reason } = (request.body ?? {}) as { verdict?: unknown; reason?: unknown }
      const why = reason === undefined || reason === '' ? undefined : decisionReason.safeParse(reason)
      if (why?.success === false)
        throw new MayflyError('bad_input', 'a reason is one line of at most 500 characters')
      if (verdict === 'approve') await approvals.approve(id, person.operator, why?.data)
      else if (verdict === 'deny') await approvals.deny(id, person.operator, why?.data)
      else throw new MayflyError('bad_input', 'say approve or deny')
      return reply.redirect(`/approvals/${encodeURIComponent(id)}`, 303)
    }),
  )
}

function approvalPage(
  one: ReturnType<typeof describeApproval>,
  { operator, csrf }: { operator: Operator; csrf: string },
): Html {
  const { operation } = one
  const asked =
    operation === undefined
      ? {}
      : {
          'about to': operation.operations.join(', '),
          ...Object.fromEntries(
            Object.entries(operation.detail).map(([key, value]) => [
              key,
              typeof value === 'string' ? value : JSON.stringify(value),
            ]),
          ),
          step: operation.step_name,
          'good for': operation.mode === 'first' ? 'all that the grant allows in this step' : 'this alone',
        }
  const facts = {
    ...asked,
    state: one.reason === null ? one.state : `${one.state}: ${one.reason}`,
    needs: one.needs,
    roles: one.roles.join(', '),
    ...one.identity,
    'policy version': String(one.policy_version),
    expires: one.expires,
  }
  const rows = Object.entries(facts).map(
    ([name, value]) =>
      html`<tr>
        <th align="left">${name}</th>
        <td>${value}</td>
      </tr>`,
  )
  const grants = one.grants.map((grant) => html`<li><code>${grant}</code></li>`)
  const votes = one.approved_by.map(({ name, reason, at }) => html`<li>${name}, ${at} ${reason ?? ''}</li>`)
  const form = html`<form method="post">
    <input type="hidden" name="csrf" value="${csrf}" />
    <label>Reason <input name="reason" maxlength="500" size="60" /></label>
    <button name="verdict" value="approve">Approve</button>
    <button name="verdict" value="deny">Deny</button>
  </form>`
  const mayDecide = ['pending', 'approved'].includes(one.state) && operator.scopes.includes('approval:decide')
  return html`<table>
      ${rows}
    </table>
    <h2>${operation === undefined ? 'Would be granted' : 'By the grant'}</h2>
    <ul>
      ${grants}
    </ul>
    <h2>Said yes</h2>
    <ul>
      ${votes}
    </ul>
    ${mayDecide ? form : html``}`
}

function registerCliLogin(app: FastifyInstance, deps: PagesDeps): void {
  const { cliLogin } = deps
  app.get(
    '/auth/cli',
    asPage(async (request, reply) => {
      const query = request.query as Record<string, string>
      const mark = cliLogin.mark(query)
      const person = await personAt(deps, request, reply)
      if (person === undefined) return reply
      const { operator, csrf } = person
      const hidden = ['port', 'challenge', 'state'].map(
        (name) => html`<input type="hidden" name="${name}" value="${query[name] ?? ''}" />`,
      )
      return page(
        'Sign the command line in',
        html`<p>
            Only if you have just run <code>mayfly login</code>, and it shows <strong>${mark}</strong> too.
          </p>
          <p>${operator.name}: ${operator.scopes.join(', ')}</p>
          <form method="post">
            <input type="hidden" name="csrf" value="${csrf}" />
            ${hidden}
            <button>Sign it in</button>
          </form>`,
      )
    }),
  )
  app.post(
    '/auth/cli',
    asPage(async (request, reply) => {
      const person = await personAt(deps, request, reply)
      if (person === undefined) return reply
      return reply.redirect(
        cliLogin.grant(person.operator, (request.body ?? {}) as Record<string, unknown>),
        303,
      )
    }),
  )
}
