import { createHash, randomBytes } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { MayflyError, constantTimeEqual, type Clock, type Secret } from '../lib/index.ts'
import type { SignInConfig } from '../config/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Login } from './operator.ts'
import { createProvider, type Provider } from './provider.ts'

/** Sign-in by authorization code with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 9700, section 2.1.1). */
export interface SignIn {
  /** Whether the policy in force has a `sign_in`. */
  available(): boolean
  /** Where to send the browser, and what its cookie must hold until it is back. Throws `not_found` without sign_in. */
  begin(returnTo: string | undefined): Promise<{ readonly location: string; readonly cookie: string }>
  /** Who came back. Throws `denied`, `bad_token` or `issuer_unreachable`. */
  finish(
    query: Readonly<Record<string, unknown>>,
    cookie: string | undefined,
  ): Promise<{ readonly login: Login; readonly returnTo: string }>
}

export const signInSeconds = 600
const maxGroups = 500

export function createSignIn(deps: {
  rules: RulesHolder
  fetch: typeof fetch
  clock: Clock
  openSecret: (name: string) => Promise<Secret>
  url: () => string
}): SignIn {
  let known: { key: string; provider: Provider } | undefined

  function current(): { config: SignInConfig; provider: Provider } {
    const config = deps.rules.loaded ? deps.rules.current().document.sign_in : undefined
    if (config === undefined)
      throw new MayflyError('not_found', 'nobody can sign in here: mayfly.yaml has no sign_in')
    const key = JSON.stringify(config)
    if (known?.key !== key) known = { key, provider: createProvider({ ...deps, config }) }
    return { config, provider: known.provider }
  }

  const redirectUri = () => `${deps.url()}/auth/callback`

  return {
    available: () => deps.rules.loaded && deps.rules.current().document.sign_in !== undefined,
    async begin(returnTo) {
      const { provider } = current()
      const [state, nonce, verifier] = [secretWord(), secretWord(), secretWord()]
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      const location = await provider.authorizationUrl({
        redirectUri: redirectUri(),
        state,
        nonce,
        challenge,
      })
      const target = Buffer.from(ownPath(returnTo, deps.url())).toString('base64url')
      return { location, cookie: [state, nonce, verifier, target].join('.') }
    },
    async finish(query, cookie) {
      const { config, provider } = current()
      const [state = '', nonce = '', verifier = '', target = ''] = (cookie ?? '').split('.')
      // Without the cookie of the browser that began, somebody may be signing it in as themselves (login CSRF).
      if (
        state === '' ||
        verifier === '' ||
        typeof query['state'] !== 'string' ||
        !constantTimeEqual(state, query['state'])
      )
        throw new MayflyError(
          'denied',
          'this sign-in was not begun in this browser, or too long ago: begin again',
        )
      // RFC 9207, section 2.4: an answer of another provider is not for this sign-in.
      if (query['iss'] !== undefined && query['iss'] !== config.issuer)
        throw new MayflyError('denied', 'the answer is of another provider')
      if (typeof query['error'] === 'string')
        throw new MayflyError(
          'denied',
          `the provider refused: ${query['error'].replaceAll(/[^\w .-]/g, '').slice(0, 100)}`,
        )
      if (typeof query['code'] !== 'string' || query['code'] === '' || query['code'].length > 4096)
        throw new MayflyError('denied', 'the provider sent no code')
      const claims = await provider.redeem({
        code: query['code'],
        redirectUri: redirectUri(),
        verifier,
        nonce,
      })
      const returnTo = ownPath(Buffer.from(target, 'base64url').toString('utf8'), deps.url())
      return { login: loginOf(claims, config), returnTo }
    },
  }
}

function secretWord(): string {
  return randomBytes(32).toString('base64url')
}

/** A path of ours, or `/approvals`: nobody is sent anywhere else after they have signed in. */
export function ownPath(returnTo: string | undefined, url: string): string {
  const fallback = '/approvals'
  if (returnTo === undefined || returnTo.length > 1024 || !/^\/(?![/\\])[\x21-\x7e]*$/.test(returnTo))
    return fallback
  const target = URL.canParse(returnTo, url) ? new URL(returnTo, url) : undefined
  if (target?.origin !== new URL(url).origin) return fallback
  // `/..//evil.example` is `//evil.example` once it is resolved.
  const path = `${target.pathname}${target.search}`
  return path.startsWith('//') ? fallback : path
}

function loginOf(claims: JWTPayload, config: SignInConfig): Login {
  const { email, email_verified } = claims
  const said = claims[config.groups_claim]
  const groups = (Array.isArray(said) ? said : [said]).filter((one) => typeof one === 'string')
  // A list that was cut could lack the group that matters.
  if (groups.length > maxGroups)
    throw new MayflyError(
      'denied',
      `more than ${maxGroups} groups: let the provider send those of this client only`,
    )
  return {
    issuer: config.issuer,
    subject: String(claims.sub),
    // An address that nobody has verified may be anybody's.
    ...(typeof email === 'string' && email.length <= 254 && email_verified === true ? { email } : {}),
    // Left out, not cut: what is left of a long name could be another group's.
    groups: groups.filter((one) => one.length <= 256),
  }
}
