import { MayflyError, connectionProblem, type ErrorCode } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'
import { createCredentials } from './credentials.ts'
import { defaultServer, namedServer } from './server-url.ts'

/** The server's API as an operator uses it. Throws MayflyError with the server's own sentence. */
export interface OperatorApi {
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
}

export function createOperatorApi(options: {
  server?: string | undefined
  token?: string | undefined
}): OperatorApi {
  const server = serverOf(options)
  const token = options.token ?? findOperatorToken(server)
  return {
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      if (token === undefined)
        throw new MayflyError(
          'unauthorized',
          'sign in with mayfly login, or set MAYFLY_TOKEN to an API token (mayfly up prints the first one at its first start)',
        )
      return callServer<T>(server, method, path, { token, body })
    },
  }
}

/** The operator's own token for this server: `MAYFLY_TOKEN`, else what `mayfly login` keeps. */
export function findOperatorToken(server: string): string | undefined {
  return readEnvironment().apiToken ?? createCredentials().read(server)?.token
}

/** The server that an operator's command means. Throws `bad_input`, see `namedServer`. */
export function serverOf(options: { server?: string | undefined }): string {
  return namedServer(options.server) ?? defaultServer
}

/** One call of the API. Throws MayflyError with the server's own sentence. */
export async function callServer<T>(
  server: string,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown },
): Promise<T> {
  let response: Response
  try {
    response = await fetch(`${server}${path}`, {
      method,
      // A token goes to the server that was named, and nowhere that it points to.
      redirect: 'error',
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    throw new MayflyError(
      'upstream_unreachable',
      `the Mayfly server ${server} does not answer (${connectionProblem(cause)}): start it with mayfly up, or set MAYFLY_SERVER`,
      { cause },
    )
  }
  const answer = (await response.json().catch(() => ({}))) as {
    detail?: string
    code?: ErrorCode
    request_id?: string
  }
  if (response.ok) return answer as T
  throw new MayflyError(answer.code ?? 'denied', answer.detail ?? `the server answered ${response.status}`)
}
