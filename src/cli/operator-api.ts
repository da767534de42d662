import { MayflyError, connectionProblem, type ErrorCode } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'
import { createCredentials } from './credentials.ts'
import { defaultServer, namedServer } from './server-url.ts'

/** The server's API as an operator uses it. Throws MayflyError with the server's own sentence. */
export interface OperatorApi {
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** Bytes of any length, as they come. Throws `upstream_unreachable` also for an answer that breaks off. */
  read(path: string): AsyncGenerator<Buffer>
}

export function createOperatorApi(options: {
  server?: string | undefined
  token?: string | undefined
}): OperatorApi {
  const server = serverOf(options)
  const token = options.token ?? findOperatorToken(server)
  const signedIn = () => {
    if (token !== undefined) return token
    throw new MayflyError(
      'unauthorized',
      'sign in with mayfly login, or set MAYFLY_TOKEN to an API token (mayfly up prints the first one at its first start)',
    )
  }
  return {
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      return callServer<T>(server, method, path, { token: signedIn(), body })
    },
    read: (path) => readServer(server, path, signedIn()),
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

const silenceMs = 30_000

async function* readServer(server: string, path: string, token: string): AsyncGenerator<Buffer> {
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(), silenceMs)
  let bytes = 0
  try {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${server}${path}`, { redirect: 'error', headers, signal: silent.signal })
    if (!response.ok || response.body === null) throw await refusalOf(response)
    for await (const chunk of response.body) {
      timer.refresh()
      bytes += chunk.length
      yield Buffer.from(chunk)
    }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError(
      'upstream_unreachable',
      `the answer of the Mayfly server ${server} broke off after ${bytes} bytes (${connectionProblem(cause)})`,
      { cause },
    )
  } finally {
    clearTimeout(timer)
  }
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
  if (!response.ok) throw await refusalOf(response)
  return (await response.json().catch(() => ({}))) as T
}

/** What the server says of why it does not do it. */
export async function refusalOf(response: Response): Promise<MayflyError> {
  const answer = (await response.json().catch(() => ({}))) as { detail?: string; code?: ErrorCode }
  return new MayflyError(answer.code ?? 'denied', answer.detail ?? `the server answered ${response.status}`)
}
