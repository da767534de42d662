import { request as httpRequest, type IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { MayflyError, limits, messageOf, trustedRoots, type Secret } from '../../lib/index.ts'
import type { EgressProxy } from '../../connections/index.ts'
import type { TimeLimit } from './timeouts.ts'

/** Where a proxy is to connect to; it dials while we wait. */
interface Asked {
  readonly host: string
  readonly port: number
  readonly within: TimeLimit
}

/**
 * Asks the proxy at the other end of `tcp` for a tunnel (RFC 9110, section 9.3.6), and resolves with its socket: from here on it is
 * the host's. The proxy's words go nowhere: they may repeat the credential. Throws `upstream_unreachable`, naming the proxy.
 */
export async function connectThrough(
  proxy: EgressProxy,
  tcp: Socket,
  to: Asked,
  authorization: Secret | undefined,
): Promise<Socket> {
  const timer = setTimeout(() => tcp.destroy(new Error(to.within.message)), to.within.ms)
  try {
    const socket = proxy.tls ? await secured(proxy, tcp) : tcp
    return await askForTunnel(proxy, socket, to, authorization)
  } catch (error) {
    tcp.destroy()
    throw error instanceof MayflyError ? error : proxyFailed(proxy, messageOf(error), error)
  } finally {
    clearTimeout(timer)
  }
}

export function proxyFailed({ url }: EgressProxy, why: string, cause?: unknown): MayflyError {
  return new MayflyError('upstream_unreachable', `the proxy ${url} (egress_proxy): ${why}`, { cause })
}

function secured({ host, ca }: EgressProxy, tcp: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({
      socket: tcp,
      // An address is no server name (RFC 6066, section 3).
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ca: trustedRoots(ca),
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
    })
    secure.once('secureConnect', () => resolve(secure))
    secure.on('error', reject)
    secure.once('close', () => reject(new Error('it closed the connection before TLS stood')))
  })
}

function askForTunnel(
  proxy: EgressProxy,
  socket: Socket,
  { host, port }: Asked,
  authorization: Secret | undefined,
): Promise<Socket> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  return new Promise((resolve, reject) => {
    const asking = httpRequest({
      createConnection: () => socket,
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        connection: 'keep-alive',
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization.reveal() }),
      },
      setHost: false,
      maxHeaderSize: limits.answerHeadBytes,
    })
    asking.once('error', reject)
    socket.once('close', () => reject(new Error('it closed the connection before it answered')))
    asking.once('connect', (answer: IncomingMessage, tunnel: Socket, head: Buffer) => {
      const problem = problemOf(proxy, answer, authority)
      if (problem !== undefined) return reject(proxyFailed(proxy, problem))
      if (head.length > 0) tunnel.unshift(head)
      resolve(tunnel)
    })
    asking.end()
  })
}

function problemOf(
  { secret, resolve }: EgressProxy,
  { statusCode = 0, headers }: IncomingMessage,
  authority: string,
): string | undefined {
  if (statusCode === 407)
    return secret === undefined
      ? 'it wants a credential (407): name one as egress_proxy.credential'
      : `it refuses the credential in secret "${secret}" (407): an operator must renew it`
  if (statusCode < 200 || statusCode > 299) {
    const byName =
      resolve === 'gateway' && statusCode === 403 ? '; if it decides by names, write resolve: proxy' : ''
    return `it does not connect to ${authority} (${statusCode})${byName}`
  }
  // A tunnel's answer has no body; with one, where the host's bytes begin would be anybody's guess.
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
    ? undefined
    : `its answer to CONNECT ${authority} has a body`
}
