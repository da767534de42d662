import type { IncomingMessage } from 'node:http'
import { MayflyError } from '../lib/index.ts'
import { discard, type Exchange, type Permit } from './exchange.ts'
import { adviceOn } from './host-beside.ts'

const maxRedirects = 5

/**
 * GET of a file at the connection (a path below it, with query) or where it named it, and on to where that sends us: on its own
 * host, or without the credential to a storage host. The step is handed no redirect: there may be a token in it. Throws `denied`.
 */
export async function follow(
  exchange: Exchange,
  permit: Permit,
  place: string | URL,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  const { connection } = exchange
  const { 'user-agent': agent = 'mayfly' } = exchange.request.headers
  // A digest is of the file itself, so it must not come in another encoding.
  const request = {
    method: 'GET',
    headers: { ...headers, 'user-agent': agent, 'accept-encoding': 'identity' },
  }
  const { origin } = new URL(connection.url)
  let from = typeof place === 'string' ? new URL(`${origin}${connection.basePath}${place}`) : place
  let upstream =
    typeof place === 'string'
      ? await exchange.send(permit, { ...request, path: place })
      : await sendTo(exchange, permit, place, request)
  for (let redirects = 0; isRedirect(upstream); redirects++) {
    const { location = '' } = upstream.headers
    discard(upstream)
    const to = URL.parse(location, from)
    if (location === '' || to === null || redirects === maxRedirects)
      throw new MayflyError('denied', 'the registry redirects to nowhere, or without end')
    upstream = await sendTo(exchange, permit, to, request)
    from = to
  }
  const { 'content-encoding': encoding = 'identity' } = upstream.headers
  if (encoding === 'identity') return upstream
  upstream.destroy()
  throw new MayflyError('denied', 'the registry sends it in an encoding that was not asked for')
}

async function sendTo(
  exchange: Exchange,
  permit: Permit,
  to: URL,
  request: { method: string; headers: Record<string, string> },
): Promise<IncomingMessage> {
  const sent = exchange.sendTo(permit, to, request, 'storage')
  if (sent !== undefined) return sent
  throw new MayflyError(
    'denied',
    `the registry redirects to ${to.host}, which its connection does not name: ${adviceOn(exchange.connection, to)}`,
  )
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode)
}
