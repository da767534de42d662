import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, type Secret } from '../lib/index.ts'

export interface TransitOptions {
  readonly http: HttpClient
  readonly url: string
  readonly namespace?: string | undefined
  readonly ca?: string | undefined
  /** Read anew each time: an agent may renew it. */
  readonly auth:
    | { readonly token: () => Secret }
    | { readonly jwt: () => Secret; readonly role: string; readonly mount: string }
}

/** What to do about a refusal: its status, and what was said. */
export type TransitAdvice = (status: number, said: string) => string

export interface TransitClient {
  readonly url: string
  /** The `data` of an answer. Throws `upstream_unreachable` (it may answer later) or `credential_failed`. */
  call(
    call: { readonly path: string; readonly body?: object },
    advice: TransitAdvice,
  ): Promise<Readonly<Record<string, unknown>>>
}

/** The transit engine of OpenBao or HashiCorp Vault. Without a body it is asked by GET. */
export function createTransitClient(options: TransitOptions): TransitClient {
  const { http, namespace, ca } = options
  const url = options.url.replace(/\/+$/, '')

  async function ask(
    path: string,
    token: string | undefined,
    body: object | undefined,
    advice: TransitAdvice,
  ) {
    const answer = await http.ask({
      ...{ method: body === undefined ? 'GET' : 'POST', url: `${url}/v1/${path}`, ca },
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { 'x-vault-token': token }),
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const json = parse(answer.body)
    if (answer.status === 200 && json !== undefined) return json
    throw refusal(path, answer.status, json, advice)
  }

  async function login(): Promise<string> {
    const { auth } = options
    if ('token' in auth) return auth.token().reveal()
    const body = { role: auth.role, jwt: auth.jwt().reveal() }
    const answer = await ask(`auth/${auth.mount}/login`, undefined, body, () => loginAdvice)
    const token = answer.auth?.client_token
    if (typeof token === 'string') return token
    throw new MayflyError('credential_failed', `${url} gave no token at auth/${auth.mount}/login`)
  }

  return {
    url,
    async call({ path, body }, advice) {
      const { data } = await ask(path, await login(), body, advice)
      if (typeof data === 'object' && data !== null) return data
      throw new MayflyError('credential_failed', `transit ${path} answered without data`)
    },
  }
}

const loginAdvice =
  'check the role, its bound_audiences and bound_subject, that its method is enabled at `mount`, and the namespace'

interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly auth?: { readonly client_token?: unknown } | null
  readonly errors?: readonly unknown[]
}

function parse(body: Buffer): Answer | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

/** 503: it is sealed itself, or starting. What it says of a login may repeat the token: of that only the number is told. */
function refusal(path: string, status: number, json: Answer | undefined, advice: TransitAdvice): MayflyError {
  const isLogin = path.startsWith('auth/')
  const [said] = isLogin ? [] : (json?.errors ?? [])
  const detail = typeof said === 'string' ? `: ${said.replaceAll(/\s+/g, ' ').slice(0, 200)}` : ''
  const isAway = status === 429 || status >= 500
  return new MayflyError(
    isAway ? 'upstream_unreachable' : 'credential_failed',
    `transit ${path} answered ${status}${detail}: ${isAway ? 'it is tried again later' : advice(status, detail)}`,
  )
}
