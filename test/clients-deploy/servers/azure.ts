import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestAuthority } from '../../certificates.ts'
import { freePort, untilAnswers } from '../../clients/servers/tls-front.ts'
import { findProgram } from '../../clients/suite.ts'

/**
 * azurite behind a door that takes the tokens alone that were made here, each for its audience: azurite itself reads their claims and
 * no signature. Microsoft Entra ID's token endpoint, Azure Resource Manager and a vault are small servers, written from their
 * published references: Resource Manager keeps what is put there.
 */
export interface FakeAzure extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** Where tokens are made. */
  readonly authority: string
  /** What was asked, `METHOD HOST/PATH`, and whether its token was taken. */
  readonly seen: { readonly what: string; readonly held: boolean }[]
  /** Forms of requests for a token. */
  readonly asked: URLSearchParams[]
  /** Whether it is a token that was made for this audience. */
  holds(token: string, audience: string): boolean
  /** What it answers to whoever shows this token, without a gateway. */
  statusOf(host: string, path: string, token: string): Promise<number | undefined>
}

export const account = 'releases'
export const tenant = '11111111-2222-3333-4444-555555555555'
const hosts = ['management.azure.com', '*.blob.core.windows.net', '*.vault.azure.net']

export async function startAzure(): Promise<FakeAzure> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-azure-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue('azure', [...hosts, 'localhost'])
  const ca = readFileSync(authority.file, 'utf8')
  const port = await freePort()
  const azurite = spawn(
    findProgram('azurite-blob') ?? '',
    [
      ...['--blobHost', '127.0.0.1', '--blobPort', String(port), '--inMemoryPersistence', '--silent'],
      ...[
        '--oauth',
        'basic',
        '--cert',
        pair.cert,
        '--key',
        pair.key,
        '--disableTelemetry',
        '--skipApiVersionCheck',
      ],
    ],
    {
      stdio: 'ignore',
      cwd: folder,
      env: { PATH: process.env['PATH'], AZURITE_ACCOUNTS: `${account}:a2V5;elsewhere:a2V5` },
    },
  )
  await untilAnswers(port, azurite)
  const tokens = new Map<string, string>()
  const fake = { seen: [] as FakeAzure['seen'], asked: [] as URLSearchParams[] }
  const kept = new Map<string, unknown>()

  async function serveTokens(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams((await request.toArray()).join(''))
    fake.asked.push(form)
    const audience = (form.get('scope') ?? '').replace('/.default', '')
    const token = tokenOf(audience, tokens.size)
    tokens.set(token, audience)
    answer(response, 200, { access_token: token, token_type: 'Bearer', expires_in: 3_599 })
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request
    const host = headers.host ?? ''
    const shown = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
    const held = tokens.get(shown) === audienceOf(host)
    fake.seen.push({ what: `${method} ${host}${url}`, held })
    if (!held) {
      request.resume()
      return answer(response, 401, {
        error: { code: 'InvalidAuthenticationToken', message: 'no such token' },
      })
    }
    if (host.endsWith('.blob.core.windows.net')) return forward(request, response)
    if (host.endsWith('.vault.azure.net'))
      return answer(response, 200, {
        value: 'kept-in-the-vault',
        id: `https://${host}/secrets/db/${'0'.repeat(32)}`,
        attributes: { enabled: true },
      })
    serveResources(request, response).catch(() => response.destroy())
  }

  async function serveResources(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '', 'https://arm')
    const text = (await request.toArray()).join('')
    const id = pathname.toLowerCase()
    if (request.method === 'PUT') {
      const [, name] = /([^/]+)$/.exec(pathname) ?? []
      kept.set(id, { ...(JSON.parse(text) as object), id: pathname, name, type: 'Microsoft.Web/sites' })
    }
    if (request.method === 'POST') return answer(response, 200, {})
    const found = kept.get(id)
    answer(
      response,
      found === undefined ? 404 : 200,
      found ?? { error: { code: 'ResourceNotFound', message: pathname } },
    )
    if (request.method === 'DELETE') kept.delete(id)
  }

  function forward(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request
    const inner = httpsRequest(
      { port, method, path: url, headers, setHost: false, ca, servername: 'localhost' },
      (said) => {
        response.writeHead(said.statusCode ?? 502, said.headers)
        said.pipe(response)
      },
    )
    inner.on('error', () => response.destroy())
    request.pipe(inner)
  }

  const server = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }, serve)
  const plain = createPlain(
    (request, response) => void serveTokens(request, response).catch(() => response.destroy()),
  )
  for (const one of [server, plain]) await new Promise<void>((done) => one.listen(0, '127.0.0.1', done))
  return Object.assign(fake, {
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    authority: `http://127.0.0.1:${(plain.address() as AddressInfo).port}`,
    ca,
    holds: (token: string, audience: string) => tokens.get(token) === audience,
    async statusOf(host: string, path: string, token: string) {
      const headers = { host, authorization: `Bearer ${token}` }
      const { port: at } = server.address() as AddressInfo
      const asked = httpsRequest({ port: at, path, headers, ca, servername: host }).end()
      const [said] = (await once(asked, 'response')) as [IncomingMessage]
      said.resume()
      return said.statusCode
    },
    async [Symbol.asyncDispose]() {
      for (const one of [server, plain]) {
        one.closeAllConnections()
        one.close()
      }
      azurite.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

function audienceOf(host: string): string {
  if (host.endsWith('.blob.core.windows.net')) return 'https://storage.azure.com'
  return host.endsWith('.vault.azure.net') ? 'https://vault.azure.net' : `https://${host}`
}

/** As Microsoft's are built; nobody has signed it. */
function tokenOf(audience: string, number: number): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    ...{ aud: audience, iss: `https://sts.windows.net/${tenant}/`, tid: tenant, oid: tenant, sub: tenant },
    ...{ iat: now, nbf: now - 60, exp: now + 3_600, jti: `made-by-entra-${number}` },
  }
  const parts = [{ typ: 'JWT', alg: 'RS256' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return [...parts, Buffer.from(`made-by-entra-${number}`).toString('base64url')].join('.')
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}
