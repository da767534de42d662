import { Secret, type Clock } from '../../lib/index.ts'
import { challengesIn } from '../../images/index.ts'
import type { Challenge } from './memory.ts'

/** What a `WWW-Authenticate: Bearer realm="https://...",service="..."` asks for (RFC 6750, section 3). Its scope is not: ours is. */
export function readChallenge(header: string | undefined): Challenge | undefined {
  const parameters = challengesIn(header).find(({ scheme }) => scheme === 'bearer')?.parameters
  const realm = parameters?.get('realm') ?? ''
  return URL.canParse(realm)
    ? { realm: new URL(realm), service: parameters?.get('service') ?? '' }
    : undefined
}

/** Where a token of exactly these scopes is asked for. */
export function tokenUrl({ realm, service }: Challenge, scopes: readonly string[]): URL {
  const url = new URL(realm)
  url.hash = ''
  if (service !== '') url.searchParams.set('service', service)
  url.searchParams.delete('scope')
  for (const scope of scopes) url.searchParams.append('scope', scope)
  return url
}

/** Seconds that a token is good for if its server does not say; and the most that we believe. */
const usualSeconds = 60
const maxSeconds = 3_600

/** The answer of a token server; undefined if it is none. */
export function readToken(
  body: Buffer | undefined,
  clock: Clock,
): { authorization: Secret; untilMs: number } | undefined {
  try {
    const answer = JSON.parse(body?.toString('utf8') ?? '') as Record<string, unknown>
    const token = answer['token'] ?? answer['access_token']
    if (typeof token !== 'string' || !/^[\x21-\x7e]{1,65536}$/.test(token)) return undefined
    const said = answer['expires_in']
    const seconds = typeof said === 'number' && said > 0 ? Math.min(said, maxSeconds) : usualSeconds
    // Used for half of its time: what begins with it has the other half to arrive.
    return { authorization: new Secret(`Bearer ${token}`), untilMs: clock.nowMs() + seconds * 500 }
  } catch {
    return undefined
  }
}
