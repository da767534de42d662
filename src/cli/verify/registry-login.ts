import { isForCredentials } from '../../config/index.ts'
import { challengesIn } from '../../images/index.ts'
import { collected } from './collected.ts'
import { loginFor, type Login } from './docker-config.ts'
import type { ImageName } from './image-name.ts'
import type { Patiently } from './patience.ts'

const maxAnswerBytes = 131_072
const silenceMs = 30_000

export interface RegistryLogin {
  /** Undefined if this machine has none that the registry takes. */
  readonly authorization?: string | undefined
  /** Why one could not be had, where that is known. */
  readonly problems: readonly string[]
}

/**
 * The `Authorization` that a registry asks for by its challenges: a token of its token server, or the login itself. Throws where the token
 * server cannot be reached.
 */
export async function registryLogin(
  image: ImageName,
  header: string,
  patiently: Patiently,
): Promise<RegistryLogin> {
  const { login, problems } = await loginFor(image)
  if (login?.kind === 'bearer') return { authorization: `Bearer ${login.token}`, problems }
  const challenges = challengesIn(header)
  const bearer = challenges.find(
    ({ scheme, parameters }) => scheme === 'bearer' && isForCredentials(parameters.get('realm') ?? ''),
  )
  if (bearer === undefined) {
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic')
    return { authorization: isBasic ? basicOf(login) : undefined, problems }
  }
  const url = new URL(bearer.parameters.get('realm') ?? '')
  const service = bearer.parameters.get('service')
  const asked = {
    ...(service === undefined ? {} : { service }),
    scope: `repository:${image.repository}:pull`,
  }
  const answer = await patiently(() => askTokenServer(url, asked, login))
  if (answer.ok) return { authorization: await tokenIn(answer), problems }
  await answer.body?.cancel()
  return { problems: [...problems, `its token server ${url.host} answered ${answer.status}`] }
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
  const place = new URL(url)
  for (const [name, value] of Object.entries(asked)) place.searchParams.set(name, value)
  const basic = basicOf(login)
  return fetch(place, {
    ...how,
    headers: { ...headers, ...(basic === undefined ? {} : { authorization: basic }) },
  })
}

async function tokenIn(answer: Response): Promise<string | undefined> {
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
