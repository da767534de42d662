import type { IncomingMessage } from 'node:http'
import { MayflyError } from '../../lib/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import { discard } from '../exchange.ts'
import { adviceOn, hostMeant } from '../host-beside.ts'
import type { Job } from './job.ts'

const maxRedirects = 5

/** Of a request of a step, or of the gateway’s own. */
interface Asking extends Pick<Job, 'registry'> {
  readonly exchange: Pick<Exchange, 'connection' | 'sendTo'> & Partial<Pick<Exchange, 'request'>>
}

/**
 * What the registry answers to GET or HEAD, or whoever it sends us on to: on its own host, as it is asked, or without credential at a
 * storage host.
 */
export async function followed(
  { exchange, registry }: Asking,
  permit: Permit,
  scopes: readonly string[],
  asked: { readonly method: 'GET' | 'HEAD'; readonly path: string; readonly accept: string },
): Promise<IncomingMessage> {
  const { connection } = exchange
  const { 'user-agent': agent = 'mayfly' } = exchange.request?.headers ?? {}
  const headers = { accept: asked.accept, 'user-agent': agent, 'accept-encoding': 'identity' }
  const { method } = asked
  let upstream = await registry.ask(permit, scopes, { method, target: asked.path, headers })
  let from = urlOn(connection, asked.path)
  for (let redirects = 0; isRedirect(upstream); redirects++) {
    const to = urlIn(upstream, from)
    discard(upstream)
    if (to === undefined || redirects === maxRedirects)
      throw new MayflyError('denied', 'the registry redirects to nowhere, or without end')
    const isOwn = hostMeant(connection, to) !== undefined
    const sent = isOwn
      ? registry.ask(permit, scopes, { method, target: to, headers })
      : exchange.sendTo(permit, to, { method, headers }, 'storage')
    if (sent === undefined)
      throw new MayflyError(
        'denied',
        `the registry redirects to ${to.host}, which its connection does not name: ${adviceOn(connection, to)}`,
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
