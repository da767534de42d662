import { gcpAudience, type PolicyDocument } from '../config/index.ts'

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
