import { MayflyError } from '../../lib/index.ts'

/** What an identity token says of itself; Fulcio is who verifies it. */
export interface TokenClaims {
  readonly issuer: string
  readonly subject: string
  readonly expiresMs: number
}

/**
 * Reads what a token is for before it is sent anywhere: one that was made for somebody else is not shown to Fulcio. Throws `bad_token`,
 * which repeats nothing of it.
 */
export function readIdentityToken(token: string, audience: string, nowMs: number): TokenClaims {
  const { iss, sub, aud, exp } = claimsIn(token)
  const isFor = Array.isArray(aud) ? aud.length === 1 && aud[0] === audience : aud === audience
  if (!isFor)
    throw new MayflyError(
      'bad_token',
      `the identity token for signing is for another audience: it must be for ${audience} alone`,
    )
  if (typeof iss !== 'string' || typeof sub !== 'string' || sub === '' || typeof exp !== 'number')
    throw new MayflyError('bad_token', 'the identity token for signing lacks iss, sub or exp')
  if (exp * 1000 <= nowMs)
    throw new MayflyError(
      'bad_token',
      'the identity token for signing has expired: the step is signed when it ends, with a token that its CI gives then',
    )
  return { issuer: iss, subject: sub, expiresMs: exp * 1000 }
}

function claimsIn(token: string): Readonly<Record<string, unknown>> {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? []
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'))
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims))
      return claims as Readonly<Record<string, unknown>>
  } catch {
    // What the parser says would repeat a part of it.
  }
  throw new MayflyError('bad_token', 'the identity token for signing is no JWT')
}
