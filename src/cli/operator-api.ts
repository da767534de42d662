import { MayflyError, messageOf, type ErrorCode } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'

/** The server's API as an operator uses it. Throws MayflyError with the server's own sentence. */
export interface OperatorApi {
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
}

export const defaultServer = 'http://127.0.0.1:7700'

export function createOperatorApi(options: {
  server?: string | undefined
  token?: string | undefined
}): OperatorApi {
  const environment = readEnvironment()
  const server = (options.server ?? environment.server ?? defaultServer).replace(/\/+$/, '')
  const token = options.token ?? environment.apiToken
  return {
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      if (token === undefined)
        throw new MayflyError(
          'unauthorized',
          'set MAYFLY_TOKEN to an API token (mayfly up prints the first one at its first start)',
        )
      let response: Response
      try {
        response = await fetch(`${server}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          signal: AbortSignal.timeout(30_000),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
      } catch (cause) {
        throw new MayflyError(
          'upstream_unreachable',
          `the Mayfly server ${server} does not answer (${messageOf(cause)}): start it with mayfly up, or set MAYFLY_SERVER`,
          { cause },
        )
      }
      const answer = (await response.json().catch(() => ({}))) as {
        detail?: string
        code?: ErrorCode
        request_id?: string
      }
      if (response.ok) return answer as T
      throw new MayflyError(
        answer.code ?? 'denied',
        answer.detail ?? `the server answered ${response.status}`,
      )
    },
  }
}
