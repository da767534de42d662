import { collected } from './collected.ts'
import { loginFor, type Login } from './docker-config.ts'
import type { ImageName } from './image-name.ts'

const maxAnswerBytes = 131_072
const silenceMs = 30_000

/**
 * The `Authorization` that a registry asks for by its challenge: a token of its token server, or the login itself. Undefined if this
 * machine has none that it takes. Throws where the token server cannot be reached.
 */
export async function registryLogin(image: ImageName, challenge: string): Promise<string | undefined> {
  const login = await loginFor(image)
  if (login?.kind === 'bearer') return `Bearer ${login.token}`
  if (/^basic\b/i.test(challenge)) return basicOf(login)
  const realm = parameterIn(challenge, 'realm')
  if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined
  const url = new URL(realm)
  // A login goes in the clear only to this machine.
  if (url.protocol !== 'https:' && !isLocal(url.hostname)) return undefined
  const service = parameterIn(challenge, 'service')
  const asked = {
    ...(service === undefined ? {} : { service }),
    scope: `repository:${image.repository}:pull`,
  }
  return tokenIn(await askTokenServer(url, asked, login))
}

/**
 * Distribution's "Token Authentication", and its "OAuth2 Token Authentication" for who has an identity token. A token server that sends on
 * to another place gets nothing there: a redirect is a failure.
 */
function askTokenServer(
  url: URL,
  asked: Readonly<Record<string, string>>,
  login: Exclude<Login, { kind: 'bearer' }> | undefined,
): Promise<Response> {
  const how = { redirect: 'error', signal: AbortSignal.timeout(silenceMs) } as const
  const headers = { accept: 'application/json' }
  if (login?.kind === 'identity') {
    const body = new URLSearchParams({
      ...{ grant_type: 'refresh_token', client_id: 'mayfly' },
      ...asked,
      refresh_token: login.token,
    })
    return fetch(url, { ...how, method: 'POST', headers, body })
  }
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
  const basic = basicOf(login)
  return fetch(url, {
    ...how,
    headers: { ...headers, ...(basic === undefined ? {} : { authorization: basic }) },
  })
}

async function tokenIn(answer: Response): Promise<string | undefined> {
  if (!answer.ok) {
    await answer.body?.cancel()
    return undefined
  }
  const bytes = await collected(answer, maxAnswerBytes)
  try {
    const { token, access_token: access } = JSON.parse(bytes?.toString('utf8') ?? '') as {
      token?: unknown
      access_token?: unknown
    }
    const given = token ?? access
    return typeof given === 'string' && /^[\x21-\x7e]+$/.test(given) ? `Bearer ${given}` : undefined
  } catch {
    return undefined
  }
}

function basicOf(login: Login | undefined): string | undefined {
  return login?.kind === 'basic' ? `Basic ${Buffer.from(login.text).toString('base64')}` : undefined
}

function isLocal(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(host)
}

function parameterIn(challenge: string, name: string): string | undefined {
  return new RegExp(`[ ,]${name}="([^"]{1,2000})"`, 'i').exec(challenge)?.[1]
}
