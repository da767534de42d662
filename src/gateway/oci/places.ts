import type { IncomingMessage } from 'node:http'
import { MayflyError } from '../../lib/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import { discard } from '../exchange.ts'
import type { Job } from './job.ts'

const maxRedirects = 5

/** GET or HEAD, as the step asked, and on to where the registry sends us, on its own host or to a storage host. */
export async function followed(
  { exchange, registry }: Job,
  permit: Permit,
  scopes: readonly string[],
  path: string,
): Promise<IncomingMessage> {
  const method = exchange.request.method === 'HEAD' ? 'HEAD' : 'GET'
  const { 'user-agent': agent = 'mayfly' } = exchange.request.headers
  const headers = { accept: '*/*', 'user-agent': agent, 'accept-encoding': 'identity' }
  let upstream = await registry.ask(permit, scopes, { method, target: path, headers })
  let from = urlOn(exchange.connection, path)
  for (let redirects = 0; isRedirect(upstream); redirects++) {
    const to = urlIn(upstream, from)
    discard(upstream)
    if (to === undefined || redirects === maxRedirects)
      throw new MayflyError('denied', 'the registry redirects to nowhere, or without end')
    const sent = exchange.sendTo(permit, to, { method, headers }, 'storage')
    if (sent === undefined)
      throw new MayflyError(
        'denied',
        `the registry keeps its files at ${to.host}, which connection "${exchange.connection.name}" does not name: add to it in mayfly.yaml: storage: [${JSON.stringify(to.host)}]`,
      )
    upstream = await sent
    from = to
  }
  return upstream
}

/** Where the registry wants the next bytes of an upload. */
export function nextPlace(upstream: IncomingMessage, from: URL): URL {
  const to = urlIn(upstream, from)
  if (to === undefined) throw new MayflyError('denied', 'the registry does not say where the upload goes on')
  return to
}

/** A path below `/v2` at the connection, as a URL. */
export function urlOn({ tls, host, port, basePath }: Exchange['connection'], path: string): URL {
  const name = host.includes(':') ? `[${host}]` : host
  return new URL(`${tls ? 'https' : 'http'}://${name}:${port}${basePath}${path}`)
}

function urlIn({ headers: { location = '' } }: IncomingMessage, from: URL): URL | undefined {
  return location !== '' && URL.canParse(location, from) ? new URL(location, from) : undefined
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode)
}
