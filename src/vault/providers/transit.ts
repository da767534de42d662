import type { HttpClient } from '../../http-client/index.ts'
import { MayflyError, type Secret } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'

export interface TransitOptions {
  readonly http: HttpClient
  readonly url: string
  readonly key: string
  readonly mount: string
  readonly namespace?: string | undefined
  readonly ca?: string | undefined
  /** Read anew each time: an agent may renew it. */
  readonly auth:
    | { readonly token: () => Secret }
    | { readonly jwt: () => Secret; readonly role: string; readonly mount: string }
}

/** The transit engine of OpenBao or HashiCorp Vault: a key of a kind that takes associated data. */
export function createTransitProvider(options: TransitOptions): KeyProvider {
  const { http, key, mount, namespace, ca } = options
  const url = options.url.replace(/\/+$/, '')

  async function post(path: string, token: string | undefined, body: object): Promise<Answer> {
    const answer = await http.ask({
      ...{ method: 'POST', url: `${url}/v1/${path}`, ca },
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { 'x-vault-token': token }),
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      },
      body: JSON.stringify(body),
    })
    const json = parse(answer.body)
    if (answer.status === 200 && json !== undefined) return json
    throw refusal(path, answer.status, json)
  }

  async function login(): Promise<string> {
    const { auth } = options
    if ('token' in auth) return auth.token().reveal()
    const answer = await post(`auth/${auth.mount}/login`, undefined, {
      ...{ role: auth.role, jwt: auth.jwt().reveal() },
    })
    const token = answer.auth?.client_token
    if (typeof token === 'string') return token
    throw new MayflyError('credential_failed', `${url} gave no token at auth/${auth.mount}/login`)
  }

  async function call(verb: 'encrypt' | 'decrypt', body: object, context: string, member: string) {
    const answer = await post(`${mount}/${verb}/${key}`, await login(), {
      ...{ ...body, associated_data: Buffer.from(context).toString('base64') },
    })
    const value = answer.data?.[member]
    if (typeof value === 'string') return value
    throw new MayflyError('credential_failed', `transit ${verb} of ${key} answered without ${member}`)
  }

  return {
    kind: 'transit',
    describe: `${url} ${mount}/${key}`,
    wrap: (plain, context) => call('encrypt', { plaintext: plain.toString('base64') }, context, 'ciphertext'),
    unwrap: async (wrapped, context) =>
      Buffer.from(await call('decrypt', { ciphertext: wrapped }, context, 'plaintext'), 'base64'),
  }
}

interface Answer {
  readonly data?: Readonly<Record<string, unknown>>
  readonly auth?: { readonly client_token?: unknown }
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
function refusal(path: string, status: number, json: Answer | undefined): MayflyError {
  const isLogin = path.startsWith('auth/')
  const [said] = isLogin ? [] : (json?.errors ?? [])
  const detail = typeof said === 'string' ? `: ${said.replaceAll(/\s+/g, ' ').slice(0, 200)}` : ''
  const isAway = status === 429 || status >= 500
  return new MayflyError(
    isAway ? 'upstream_unreachable' : 'credential_failed',
    `transit ${path} answered ${status}${detail}: ${isAway ? 'it is tried again later' : advice(path, status, detail)}`,
  )
}

function advice(path: string, status: number, said: string): string {
  if (path.startsWith('auth/'))
    return 'check the role, its bound_audiences and bound_subject, that its method is enabled at `mount`, and the namespace'
  if (status === 403) return `check the token, and that its policy has update on ${path}`
  if (/too old/.test(said))
    return 'its min_decryption_version is above the version that wrapped the vault’s key: lower it, start, and run mayfly vault rekey before it is raised again'
  if (status === 404 || /not found/.test(said)) return 'check the key’s name, the mount and the namespace'
  return 'check the key: it must be of type aes256-gcm96, chacha20-poly1305 or xchacha20-poly1305, and not derived'
}
