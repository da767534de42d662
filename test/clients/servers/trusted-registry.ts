import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { makeCertificate } from '../../../demo/peers/git-server.ts'

/**
 * FAKE of a registry that takes packages from their trusted publisher alone: npm's token exchange (docs.npmjs.com, "Trusted
 * publishing", and npm's lib/utils/oidc.js) and PyPI's mint (docs.pypi.org, "Trusted Publishers", internals). Neither can be run
 * here. The identity token is verified for real, by the keys that its issuer publishes; a token is good for one package.
 */
export interface TrustedRegistry extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** The repository that is the publisher of every package. */
  publisher: string
  /** What was published with a token that this registry gave, by name. */
  readonly published: string[]
  /** Each request, as `METHOD PATH`. */
  readonly seen: string[]
}

export async function startTrustedRegistry(host: string, issuer: () => string): Promise<TrustedRegistry> {
  const { ca, cert, key } = await makeCertificate(host)
  const tokens = new Map<string, string>()
  const [published, seen]: [string[], string[]] = [[], []]

  async function mint(identity: string, audience: string, name: string): Promise<string | undefined> {
    try {
      const keys = createRemoteJWKSet(new URL(`${issuer()}/keys`))
      const { payload } = await jwtVerify(identity, keys, { issuer: issuer(), audience })
      if (payload['repository'] !== registry.publisher) return undefined
    } catch {
      return undefined
    }
    const token = `minted-${randomBytes(12).toString('hex')}`
    tokens.set(token, name)
    return token
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    seen.push(`${method} ${url}`)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('latin1')
    const answer = (status: number, value: unknown) =>
      void response.writeHead(status).end(JSON.stringify(value))
    const exchanged = /^\/-\/npm\/v1\/oidc\/token\/exchange\/package\/(.+)$/.exec(url)?.[1]
    if (method === 'POST' && exchanged !== undefined) {
      const identity = (headers.authorization ?? '').replace('Bearer ', '')
      const token = await mint(identity, `npm:${host}`, decodeURIComponent(exchanged))
      return token === undefined ? answer(401, { message: 'no trusted publisher' }) : answer(201, { token })
    }
    if (method === 'POST' && url === '/_/oidc/mint-token') {
      const { token: identity } = JSON.parse(body) as { token: string }
      const token = await mint(identity, 'pypi', '*')
      return token === undefined ? answer(422, { message: 'invalid' }) : answer(200, { success: true, token })
    }
    const staged = url.startsWith('/-/stage/package/')
    if (method === 'PUT' || staged) {
      const name = decodeURIComponent(url.slice(staged ? '/-/stage/package/'.length : 1))
      if (tokens.get((headers.authorization ?? '').replace('Bearer ', '')) !== name) return answer(401, {})
      published.push(staged ? `${name} (staged)` : name)
      return answer(201, { success: true, ...(staged ? { stageId: 'stg-1' } : {}) })
    }
    if (method === 'POST') {
      const [user, token] = Buffer.from((headers.authorization ?? '').slice(6), 'base64')
        .toString()
        .split(':')
      if (user !== '__token__' || !tokens.has(token ?? '')) return answer(403, {})
      published.push(/name="name"\r\n\r\n(.*?)\r\n/.exec(body)?.[1] ?? '')
      return answer(200, {})
    }
    answer(404, {})
  }

  const server = createServer({ cert, key }, (request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const registry: TrustedRegistry = {
    publisher: 'octo-org/links',
    ...{ ca, published, seen, dial: `127.0.0.1:${(server.address() as AddressInfo).port}` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
  return registry
}
