import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { CloudError, jsonOf, memberOf, plainMessage, soon, textOf } from './cloud-error.ts'

export interface RestCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly body?: unknown
  /** What the token is for; the whole of the cloud's management if left out. */
  readonly scope?: string
}

export interface GcpClient {
  /** One call of a REST API, with an access token of its scope. Throws `CloudError`, `upstream_unreachable` or `credential_failed`. */
  call(call: RestCall): Promise<Record<string, unknown>>
}

const everything = 'https://www.googleapis.com/auth/cloud-platform'

/** Credentials are Google's application default ones (`gcp-auth.ts`) unless somebody gives a token. */
export function createGcpClient(options: {
  http: HttpClient
  /** A file of credentials instead of those of the environment. */
  keyFile?: string | undefined
  /** PEM, of an endpoint that is not Google's. */
  ca?: string | undefined
  token?: (scope: string) => Promise<string>
}): GcpClient {
  const { http, ca } = options
  const sources = new Map<string, () => Promise<string | null | undefined>>()

  async function tokenOf(scope: string): Promise<string> {
    const given = options.token
    const { standardToken } = await import('./gcp-auth.ts')
    const source =
      sources.get(scope) ?? (given === undefined ? standardToken(scope, options.keyFile) : () => given(scope))
    sources.set(scope, source)
    try {
      const token = await soon('Google Cloud', source())
      if (typeof token === 'string' && token !== '') return token
      throw new Error('no access token')
    } catch (cause) {
      if (cause instanceof MayflyError) throw cause
      throw new MayflyError(
        'credential_failed',
        `Google Cloud: no credentials (${messageOf(cause).slice(0, 200)}): run this server as a service account, or set GOOGLE_APPLICATION_CREDENTIALS`,
        { cause },
      )
    }
  }

  return {
    async call({ method, url, body, scope = everything }) {
      const answer = await http.ask({
        ...{ method, url, ca },
        headers: {
          authorization: `Bearer ${await tokenOf(scope)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const json = jsonOf(answer)
      if (answer.status >= 200 && answer.status < 300 && json !== undefined) return json
      const error = memberOf(json, 'error')
      throw new CloudError({
        what: `Google Cloud ${method} ${new URL(url).pathname}`,
        status: answer.status,
        code: (textOf(error, 'status') ?? `status ${answer.status}`).slice(0, 100),
        message: plainMessage(error['message'], body),
      })
    },
  }
}
