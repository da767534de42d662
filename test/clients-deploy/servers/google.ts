import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import {
  createServer as createPlain,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestAuthority } from '../../certificates.ts'
import { freePort, untilAnswers } from '../../clients/servers/tls-front.ts'
import { findProgram } from '../../clients/suite.ts'

/**
 * fake-gcs-server behind a door that takes the tokens alone that it has made: fake-gcs-server itself takes any. The two services that
 * make them are written from Google's published reference (Security Token Service, IAM Service Account Credentials).
 */
export interface FakeGoogle extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** Where both services are that make tokens. */
  readonly tokens: string
  /** What was asked, `METHOD HOST/PATH`, and whether its token was taken. */
  readonly seen: { readonly what: string; readonly held: boolean }[]
  /** Forms of requests for a token. */
  readonly exchanged: URLSearchParams[]
  /** No token that was made is taken any more. */
  expire(): void
}

const names = ['googleapis.com', 'storage.googleapis.com']

export async function startGoogle(): Promise<FakeGoogle> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-google-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue(
    'google',
    names.map((name) => `*.${name}`),
  )
  const port = await freePort()
  mkdirSync(join(folder, 'data', 'releases'), { recursive: true })
  const gcs = spawn(
    findProgram('fake-gcs-server') ?? '',
    [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-backend', 'memory'],
      ...['-data', join(folder, 'data'), '-external-url', 'https://storage.googleapis.com'],
    ],
    { stdio: 'ignore' },
  )
  await untilAnswers(port, gcs)
  const tokens = new Set<string>()
  let count = 0
  const fake = { seen: [] as FakeGoogle['seen'], exchanged: [] as URLSearchParams[] }
  const server = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }, serve)

  function made(): string {
    const token = `ya29.made-by-google-${++count}`
    tokens.add(token)
    return token
  }

  async function serveTokens(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await request.toArray()).join('')
    const isExchange = request.url === '/v1/token'
    if (isExchange) fake.exchanged.push(new URLSearchParams(text))
    const isKnown = tokens.has(tokenOf(request))
    if (!isExchange && !isKnown) return void response.writeHead(401).end('{}')
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(
        JSON.stringify(
          isExchange
            ? { access_token: made(), token_type: 'Bearer', expires_in: 3_600 }
            : { accessToken: made(), expireTime: new Date(Date.now() + 3_600_000).toISOString() },
        ),
      )
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request
    const held = tokens.has(tokenOf(request))
    fake.seen.push({ what: `${method} ${headers.host}${url}`, held })
    if (!held) {
      request.resume()
      return void response
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"error":{"code":401,"message":"Invalid Credentials","status":"UNAUTHENTICATED"}}')
    }
    // fake-gcs-server does not know it.
    if (/^\/storage\/v1\/b\/[^/]+\/storageLayout\?/.test(url))
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"kind":"storage#storageLayout","hierarchicalNamespace":{"enabled":false}}')
    const inner = httpRequest({ port, method, path: url, headers, setHost: false }, (answer) => {
      // What is deleted is answered with nothing by Google, and with `null` by fake-gcs-server.
      if (method === 'DELETE' && answer.statusCode === 200) {
        answer.resume()
        return void response.writeHead(204).end()
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    inner.on('error', () => response.destroy())
    request.pipe(inner)
  }

  const plain = createPlain(
    (request, response) => void serveTokens(request, response).catch(() => response.destroy()),
  )
  await new Promise<void>((done) => plain.listen(0, '127.0.0.1', done))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return Object.assign(fake, {
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens: `http://127.0.0.1:${(plain.address() as AddressInfo).port}`,
    ca: readFileSync(authority.file, 'utf8'),
    expire: () => tokens.clear(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      for (const one of [server, plain]) one.close()
      plain.closeAllConnections()
      gcs.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

function tokenOf({ headers }: IncomingMessage): string {
  return /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
}
