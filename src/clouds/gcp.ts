import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { soon } from './cloud-error.ts'
import { createRestClient, type RestClient } from './rest.ts'

const everything = 'https://www.googleapis.com/auth/cloud-platform'

/** Credentials are Google's application default ones (`gcp-auth.ts`) unless somebody gives a token. */
export function createGcpClient(options: {
  http: HttpClient
  /** A file of credentials instead of those of the environment. */
  keyFile?: string | undefined
  /** PEM, of an endpoint that is not Google's. */
  ca?: string | undefined
  token?: (scope: string) => Promise<string>
}): RestClient {
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

  return createRestClient({ http, cloud: 'Google Cloud', ca, everything, tokenOf, codeIn: 'status' })
}
