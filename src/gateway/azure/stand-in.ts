import { azureClientId, azureStandIn, azureStandsFor } from '../../kinds/index.ts'

/** Longer than any that is made here. */
const maxChars = 4_096
/** Some tools take the token apart, and each of its parts has to be base64url. */
const noSignature = Buffer.from('held-by-the-gateway').toString('base64url')

/**
 * The access token that a step's tools are given: it opens nothing. It has the form of Microsoft's (RFC 7519), since some tools read
 * from it for whom it is.
 */
export function standInToken(
  connection: string,
  {
    audience,
    tenant,
    issuer,
    nowMs,
  }: {
    readonly audience: string
    readonly tenant: string
    readonly issuer: string
    readonly nowMs: number
  },
): { readonly token: string; readonly seconds: number } {
  const seconds = 3_599
  const now = Math.floor(nowMs / 1000)
  const claims = {
    ...{ aud: audience, iss: issuer, tid: tenant, appid: azureClientId, azp: azureClientId },
    ...{ oid: azureClientId, sub: azureClientId, idtyp: 'app', ver: '1.0' },
    ...{ iat: now, nbf: now, exp: now + seconds, mayfly: azureStandIn(connection) },
  }
  const token = [{ typ: 'JWT', alg: 'none' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return { token: `${token}.${noSignature}`, seconds }
}

/** The connection that a token in `Authorization` stands for; undefined for one that was not made here. */
export function connectionShown(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > maxChars) return undefined
  const [, payload = '', signature] =
    /^Bearer [A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/i.exec(authorization) ?? []
  if (signature !== noSignature) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    const said = typeof claims === 'object' && claims !== null && 'mayfly' in claims ? claims.mayfly : ''
    return typeof said === 'string' ? azureStandsFor(said) : undefined
  } catch {
    return undefined
  }
}
