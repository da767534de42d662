import { z } from 'zod'
import type { Gateway } from '../../gateway/index.ts'
import { limits, version } from '../../lib/index.ts'
import { groupsOf, type ApiTokens, type Operator } from '../../operators/index.ts'
import type { RulesHolder } from '../../rules/index.ts'
import { isKnownJob, toldOf } from '../exchange.ts'
import { withBody, type Route } from '../route.ts'
import { oauthProblem } from '../wire-error.ts'

/** Told to those it knows only. */
const itself = z.object({ version: z.string(), gateway: z.string() })
const operatorAnswer = z.object({
  kind: z.enum(['token', 'person']),
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  expires: z.string().nullable(),
  groups: z.array(z.string()).optional(),
  permissions: z.array(z.string()).optional(),
  server: itself,
})
const jobAnswer = z.object({
  issuer: z.string(),
  attributes: z.record(z.string(), z.string()),
  roles: z.array(z.object({ name: z.string(), approval: z.boolean() })),
  server: itself,
})

/** Who the caller is to this server. It gives nothing: no session, and the identity token stays unused. */
export function whoamiRoutes(deps: {
  rules: RulesHolder
  apiTokens: ApiTokens
  gateway: Pick<Gateway, 'url'>
}): Route[] {
  const { rules, apiTokens } = deps
  const server = () => ({ version, gateway: deps.gateway.url })

  function personsPart({ login }: Operator) {
    if (login === undefined || !rules.loaded) return {}
    const { document } = rules.current()
    const groups = groupsOf(document, login)
    const permissions = Object.entries(document.sign_in?.permissions ?? {})
      .filter(([, names]) => names.some((name) => groups.has(name)))
      .map(([permission]) => permission)
    return { groups: [...groups], permissions }
  }

  return [
    {
      method: 'GET',
      path: '/v1/whoami',
      summary: 'Who an operator is here, and what they may do',
      auth: 'operator',
      response: operatorAnswer,
      async handle({ operator }) {
        if (operator === undefined) throw oauthProblem(401, 'unauthorized', 'this needs an operator')
        const { id, name, scopes, login } = operator
        const expiresMs = (await apiTokens.list()).find((one) => one.id === id)?.expiresMs ?? null
        return {
          kind: login === undefined ? 'token' : 'person',
          id,
          name,
          scopes,
          expires: expiresMs === null ? null : new Date(expiresMs).toISOString(),
          ...personsPart(operator),
          server: server(),
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/whoami',
      summary: 'What a CI job is here, by its identity token, and which roles would open to it',
      auth: 'none',
      response: jobAnswer,
      ...withBody(
        z.strictObject({ identity_token: z.string().min(1).max(limits.identityTokenBytes) }),
        async (_call, { identity_token }) => {
          const now = rules.current()
          const verified = await now.identity.verify(identity_token)
          if (!verified.ok) throw toldOf(now, verified)
          const { identity } = verified
          const open = [...now.policy.roles.keys()].filter((name) => now.policy.assume(name, identity).allow)
          // As at the token endpoint: on a shared issuer anybody has a valid token.
          if (open.length === 0 && !isKnownJob(now, identity))
            throw oauthProblem(403, 'invalid_target', 'not trusted here')
          const roles = open.map((name) => ({
            name,
            approval: now.document.roles[name]?.approval !== undefined,
          }))
          return { issuer: identity.issuer, attributes: { ...identity.attributes }, roles, server: server() }
        },
      ),
    },
  ]
}
