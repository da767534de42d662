import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly json: Record<string, unknown>
}

export type Answer = { readonly status?: number; readonly json?: unknown; readonly text?: string }

/** A server of JSON; `answer` may be changed while it runs. */
export async function jsonServer(t: TestContext, answer: (asked: Asked) => Answer) {
  const it = { url: '', answer, asked: [] as Asked[], close: () => undefined as void }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://store')
      const body = Buffer.concat(pieces).toString()
      const one: Asked = {
        method: request.method ?? '',
        path: pathname,
        query: searchParams,
        headers: request.headers,
        json: body.startsWith('{') ? (JSON.parse(body) as Record<string, unknown>) : {},
      }
      it.asked.push(one)
      const { status = 200, json, text } = it.answer(one)
      response.writeHead(status, { 'content-type': 'application/json' }).end(text ?? JSON.stringify(json))
    })
  })
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  it.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  it.close = () => {
    server.closeAllConnections()
    server.close()
  }
  t.after(it.close)
  return it
}

/**
 * OpenBao as its published API says (KV version 2, and the JWT method's login): `secrets` by path, each a list of versions;
 * undefined stands for one that is destroyed.
 */
export function openbao(options: {
  token: string
  secrets: Record<string, (Record<string, string> | undefined)[]>
  jwt?: string
}) {
  const tokens = new Set([options.token])
  let logins = 0
  const answer = ({ method, path, query, headers, json }: Asked): Answer => {
    if (method === 'POST' && path === '/v1/auth/jwt/login') {
      if (json['jwt'] !== options.jwt || json['role'] !== 'mayfly')
        return { status: 400, json: { errors: [`error validating token ${String(json['jwt'])}`] } }
      const token = `hvs.login-${++logins}`
      tokens.add(token)
      return { json: { auth: { client_token: token, lease_duration: 3600 } } }
    }
    if (!tokens.has(String(headers['x-vault-token'])))
      return { status: 403, json: { errors: [`permission denied for ${String(headers['x-vault-token'])}`] } }
    const name = decodeURIComponent(/^\/v1\/secret\/data\/(.+)$/.exec(path)?.[1] ?? '')
    const versions = options.secrets[name]
    if (versions === undefined) return { status: 404, json: { errors: [] } }
    const version = Number(query.get('version') ?? versions.length)
    const data = versions[version - 1]
    const metadata = { version, destroyed: data === undefined, deletion_time: '' }
    return data === undefined
      ? { status: 404, json: { data: { data: null, metadata } } }
      : { json: { data: { data, metadata } } }
  }
  return { answer, tokens, logins: () => logins }
}
