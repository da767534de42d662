import { jwtVerify, type JWTPayload } from 'jose'
import { MayflyError, limits, messageOf, type Clock, type Secret } from '../lib/index.ts'
import type { SignInConfig } from '../config/index.ts'
import { createIssuerKeys, keysIn, signatureAlgorithms } from '../identity/index.ts'

/** The OpenID Connect provider that people sign in at. Throws `issuer_unreachable` or `bad_token`. */
export interface Provider {
  /** Where the browser is sent (OpenID Connect Core 1.0, section 3.1.2.1). */
  authorizationUrl(request: {
    redirectUri: string
    state: string
    nonce: string
    /** PKCE, S256 (RFC 7636). */
    challenge: string
  }): Promise<string>
  /** The claims of whoever came back with this code. */
  redeem(answer: { code: string; redirectUri: string; verifier: string; nonce: string }): Promise<JWTPayload>
}

const skewSeconds = 30
const keepMs = 10 * 60_000
const askAgainMs = 5_000

interface Endpoints {
  readonly authorization: string
  readonly token: string
  readonly userinfo: string | undefined
  readonly postsSecret: boolean
}

export function createProvider(deps: {
  config: SignInConfig
  fetch: typeof fetch
  clock: Clock
  openSecret: (name: string) => Promise<Secret>
}): Provider {
  const { config, clock } = deps
  const keys = createIssuerKeys({ url: config.issuer, fetch: deps.fetch, clock })
  let asked: { endpoints: Promise<Endpoints>; untilMs: number } | undefined

  /** Asked once for all who wait; a provider that is down is not asked again for every visitor. */
  function endpoints(): Promise<Endpoints> {
    const now = clock.nowMs()
    if (asked !== undefined && now < asked.untilMs) return asked.endpoints
    const url = `${config.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const found = ask(url, { headers: { accept: 'application/json' } }).then((document) =>
      readEndpoints(config.issuer, document),
    )
    const mine = { endpoints: found, untilMs: now + keepMs }
    found.catch(() => {
      mine.untilMs = now + askAgainMs
    })
    asked = mine
    return found
  }

  async function ask(url: string, init: RequestInit): Promise<Record<string, unknown>> {
    try {
      const response = await deps.fetch(url, {
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(limits.issuerTimeoutMs),
      })
      const text = await readBounded(response)
      if (!response.ok)
        throw new Error(`${new URL(url).pathname} answered ${response.status}${errorIn(text)}`)
      const parsed: unknown = JSON.parse(text)
      if (typeof parsed !== 'object' || parsed === null) throw new Error('no JSON object')
      return parsed as Record<string, unknown>
    } catch (cause) {
      throw new MayflyError('issuer_unreachable', `sign-in at ${config.issuer} failed: ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  // Whoever signs in is told nothing of what is in the vault.
  async function openSecret(name: string): Promise<Secret> {
    try {
      return await deps.openSecret(name)
    } catch (cause) {
      const message = 'sign-in is not set up: its client secret cannot be opened'
      throw new MayflyError('issuer_unreachable', message, { cause })
    }
  }

  async function redeemCode(code: string, redirectUri: string, verifier: string) {
    const { token, postsSecret } = await endpoints()
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    })
    const headers: Record<string, string> = { accept: 'application/json' }
    const secret = config.client_secret?.slice('secret:'.length)
    const opened = secret === undefined ? undefined : (await openSecret(secret)).reveal()
    if (opened === undefined || postsSecret) form.set('client_id', config.client_id)
    if (opened !== undefined && postsSecret) form.set('client_secret', opened)
    // RFC 6749, section 2.3.1: both are form-encoded before they become a Basic credential.
    if (opened !== undefined && !postsSecret)
      headers['authorization'] =
        `Basic ${Buffer.from(`${formEncode(config.client_id)}:${formEncode(opened)}`).toString('base64')}`
    return ask(token, { method: 'POST', headers, body: form })
  }

  async function verifyIdToken(idToken: unknown, nonce: string): Promise<JWTPayload> {
    if (typeof idToken !== 'string' || idToken.length > limits.identityTokenBytes)
      throw refused('no ID token came back')
    const options = {
      issuer: config.issuer,
      audience: config.client_id,
      algorithms: [...signatureAlgorithms],
      clockTolerance: skewSeconds,
      currentDate: new Date(clock.nowMs()),
      requiredClaims: ['sub', 'exp', 'iat', 'nonce'],
      maxTokenAge: 600,
    }
    const verifyWith = async (fresh: boolean) =>
      (await jwtVerify(idToken, keysIn((await keys.get(fresh)).jwks), options)).payload
    const payload = await verifyWith(false)
      // The provider may have rotated its keys since we asked.
      .catch(() => verifyWith(true))
      .catch((error: unknown) => {
        throw error instanceof MayflyError ? error : refused(messageOf(error))
      })
    // OpenID Connect Core 1.0, section 3.1.3.7, steps 4, 5 and 11.
    const several = Array.isArray(payload.aud) && payload.aud.length > 1
    const { azp } = payload
    if ((several || azp !== undefined) && azp !== config.client_id)
      throw refused('the ID token is for another client')
    if (payload['nonce'] !== nonce) throw refused('the ID token is for another sign-in (nonce)')
    if (typeof payload.sub !== 'string' || payload.sub === '' || payload.sub.length > 255)
      throw refused('the ID token has no usable subject')
    return payload
  }

  /** Some providers put groups and addresses there only (section 5.3). What the ID token says goes first. */
  async function withUserinfo(payload: JWTPayload, accessToken: unknown): Promise<JWTPayload> {
    const { userinfo } = await endpoints()
    const isComplete = payload[config.groups_claim] !== undefined && payload['email'] !== undefined
    if (isComplete || userinfo === undefined || typeof accessToken !== 'string') return payload
    const more = await ask(userinfo, {
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
    })
    // Section 5.3.2: an answer about somebody else must not be used.
    if (more['sub'] !== payload.sub) throw refused('userinfo is about somebody else')
    // An address and whether it is verified come from one place.
    const { email: _, email_verified: __, ...rest } = more
    return { ...(payload['email'] === undefined ? more : rest), ...payload }
  }

  return {
    async authorizationUrl({ redirectUri, state, nonce, challenge }) {
      const url = new URL((await endpoints()).authorization)
      const parameters = {
        response_type: 'code',
        client_id: config.client_id,
        redirect_uri: redirectUri,
        scope: config.scopes.join(' '),
        state,
        nonce,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url.href
    },
    async redeem({ code, redirectUri, verifier, nonce }) {
      const answer = await redeemCode(code, redirectUri, verifier)
      return withUserinfo(await verifyIdToken(answer['id_token'], nonce), answer['access_token'])
    },
  }
}

function readEndpoints(issuer: string, discovery: Record<string, unknown>): Endpoints {
  if (discovery['issuer'] !== issuer)
    throw new MayflyError(
      'issuer_unreachable',
      `sign-in at ${issuer} failed: its discovery document names ${JSON.stringify(discovery['issuer'])}`,
    )
  const endpoint = (name: string) => {
    const value = discovery[name]
    const good =
      typeof value === 'string' && URL.canParse(value) && new URL(value).protocol === new URL(issuer).protocol
    return good ? value : undefined
  }
  const [authorization, token] = [endpoint('authorization_endpoint'), endpoint('token_endpoint')]
  if (authorization === undefined || token === undefined)
    throw new MayflyError(
      'issuer_unreachable',
      `sign-in at ${issuer} failed: its discovery document lacks endpoints`,
    )
  // client_secret_basic is what a provider that says nothing takes (OpenID Connect Discovery 1.0, section 3).
  const methods = discovery['token_endpoint_auth_methods_supported'] ?? ['client_secret_basic']
  const postsSecret = Array.isArray(methods) && !methods.includes('client_secret_basic')
  return { authorization, token, userinfo: endpoint('userinfo_endpoint'), postsSecret }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > limits.issuerDocumentBytes)
      throw new Error(`an answer of more than ${limits.issuerDocumentBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `invalid_grant` and the like (RFC 6749, section 5.2), if that is what it says. */
function errorIn(text: string): string {
  const code = /"error"\s*:\s*"([a-z_]{1,40})"/.exec(text)?.[1]
  return code === undefined ? '' : ` (${code})`
}

function formEncode(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2)
}

function refused(why: string): MayflyError {
  return new MayflyError('bad_token', `the sign-in was refused: ${why}`)
}
