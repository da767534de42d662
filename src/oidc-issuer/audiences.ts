import { gcpAudience, type ConfigProblem, type Locate, type PolicyDocument } from '../config/index.ts'

/** For whom each issuer of credentials signs with our identity, as a connection names it. One row an issuer. */
function audienceOf({ credential }: PolicyDocument['connections'][string]): string | undefined {
  if (credential === undefined) return undefined
  if ('oauth-client' in credential) {
    const { assertion, token_url } = credential['oauth-client']
    return assertion === undefined ? undefined : (assertion.audience ?? token_url)
  }
  if ('http-issuer' in credential) return credential['http-issuer'].identity?.audience
  if ('aws-role' in credential) {
    const { key, audience } = credential['aws-role']
    return key === undefined ? audience : undefined
  }
  if ('azure-app' in credential) return credential['azure-app'].audience
  if ('gcp-service-account' in credential) return gcpAudience(credential['gcp-service-account'])
  return undefined
}

/** May a token be signed for this audience, for a step in this role that uses this connection? */
export function mayBeFor(
  document: Pick<PolicyDocument, 'roles' | 'connections'>,
  audience: string,
  { role, connection }: { role: string; connection: string },
): boolean {
  const named = Object.hasOwn(document.roles, role) ? (document.roles[role]?.identity?.audiences ?? []) : []
  const used = Object.hasOwn(document.connections, connection) ? document.connections[connection] : undefined
  return named.includes(audience) || (used !== undefined && audienceOf(used) === audience)
}

/** May the server itself have one? */
export function serverMayBeFor(document: Pick<PolicyDocument, 'identity_tokens'>, audience: string): boolean {
  return document.identity_tokens.audiences.includes(audience)
}

/** Is it an audience of Mayfly itself? A token of ours that we would take ourselves opens Mayfly to whoever it was handed to. */
export function isOwn(
  document: Pick<PolicyDocument, 'audience' | 'issuers'>,
  audience: string,
  url: string,
): boolean {
  const own = [url, document.audience, ...Object.values(document.issuers).map((one) => one.audience)]
  const origin = (text: string) => (URL.canParse(text) ? new URL(text).origin.toLowerCase() : text)
  return own.includes(audience) || origin(audience) === origin(url)
}

/** Audiences for which no token will be signed: what a policy has them for can never work. `url`: our own, empty if it is not known. */
export function audienceProblems(document: PolicyDocument, locate: Locate, url: string): ConfigProblem[] {
  const { roles, connections, identity_tokens: server, secret_stores: stores } = document
  const asked: { audience: string | undefined; path: readonly PropertyKey[] }[] = [
    ...Object.entries(roles).flatMap(([name, { identity }]) =>
      (identity?.audiences ?? []).map((audience, i) => ({
        audience,
        path: ['roles', name, 'identity', 'audiences', i],
      })),
    ),
    ...server.audiences.map((audience, i) => ({ audience, path: ['identity_tokens', 'audiences', i] })),
    ...Object.entries(connections).map(([name, one]) => ({
      audience: audienceOf(one),
      path: ['connections', name, 'credential'],
    })),
  ]
  const own = asked.flatMap(({ audience, path }) =>
    audience !== undefined && isOwn(document, audience, url)
      ? [
          {
            ...locate(path),
            message: `${audience} is an audience of Mayfly itself, and no identity token is signed for it: write who is to take the token`,
          },
        ]
      : [],
  )
  const unnamed = Object.entries(stores).flatMap(([name, store]) => {
    if (store.kind !== 'openbao' || !('jwt' in store.auth)) return []
    const audience = store.auth.jwt.audience ?? store.url
    return serverMayBeFor(document, audience)
      ? []
      : [
          {
            ...locate(['secret_stores', name, 'auth', 'jwt']),
            message: `secret store "${name}": no identity token is signed for ${audience}: add it to identity_tokens.audiences`,
          },
        ]
  })
  return [...own, ...unnamed]
}
