import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestAuthority } from '../../certificates.ts'
import { startRegistry, type Registry } from '../../e2e/registry.ts'

/** A registry that takes what Azure Container Registry takes (its "AAD-OAuth" reference), in front of distribution's. */
export interface AzureRegistry extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  readonly registry: Registry
  /** What was exchanged for a refresh token. */
  readonly exchanged: URLSearchParams[]
}

const user = '00000000-0000-0000-0000-000000000000'
const password = `eyJ.${Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 10_800 })).toString('base64url')}.refresh-token-of-registry`

/** `holds`: whether a token is one of Microsoft Entra ID for registries. */
export async function startAzureRegistry(
  host: string,
  holds: (token: string) => boolean,
): Promise<AzureRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-azure-registry-'))
  const registry = await startRegistry(join(folder, 'registry'), host, 'token')
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue('front', [host])
  const exchanged: URLSearchParams[] = []

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? '', `https://${host}`)
    if (pathname === '/oauth2/exchange') {
      const form = new URLSearchParams((await request.toArray()).join(''))
      exchanged.push(form)
      const isHeld = form.get('grant_type') === 'access_token' && holds(form.get('access_token') ?? '')
      return void response
        .writeHead(isHeld ? 200 : 401)
        .end(JSON.stringify(isHeld ? { refresh_token: password } : {}))
    }
    const isToken = pathname === '/oauth2/token'
    if (
      isToken &&
      request.headers.authorization !== `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    )
      return void response.writeHead(401).end('{}')
    const [to, path] = isToken ? [registry.tokenHost, `/token${search}`] : [registry.dial, request.url]
    const basic = `Basic ${Buffer.from(registry.credential).toString('base64')}`
    const headers = { ...request.headers, ...(isToken ? { authorization: basic } : {}) }
    const [hostname, port] = (to ?? '').split(':')
    const inner = httpsRequest(
      {
        hostname,
        port,
        path,
        method: request.method,
        headers,
        setHost: false,
        ca: registry.ca,
        servername: 'localhost',
      },
      (said) => {
        const asked = said.headers['www-authenticate']?.replace(
          /realm="[^"]*"/,
          `realm="https://${host}/oauth2/token"`,
        )
        response.writeHead(said.statusCode ?? 502, {
          ...said.headers,
          ...(asked === undefined ? {} : { 'www-authenticate': asked }),
        })
        said.pipe(response)
      },
    )
    inner.on('error', () => response.destroy())
    request.pipe(inner)
  }

  const server = createServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key) },
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    ...{ registry, exchanged, ca: readFileSync(authority.file, 'utf8') },
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await registry[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
