import type { Duplex } from 'node:stream'
import { isIP } from 'node:net'
import { connect as tlsConnect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { MayflyError, messageOf, systemCode, trustedRoots } from '../../lib/index.ts'
import type { ClientIdentity } from '../../broker/index.ts'
import { certificateProblem, type Connection } from '../../connections/index.ts'
import { type EgressGuard, connectLimit } from '../egress/index.ts'

/**
 * Opens a socket to the host of a connection, with TLS where its URL says so. It is the caller's alone. Throws `denied` and
 * `upstream_unreachable`.
 */
export type SocketOpener = (
  connection: Connection,
  identity: ClientIdentity | undefined,
  protocol?: 'http/1.1' | 'h2',
) => Promise<Duplex>

export function createSocketOpener(deps: { guard: EgressGuard }): SocketOpener {
  const contextOf = createTlsContexts()
  return async (connection, identity, protocol = 'http/1.1') => {
    const { host, port, tls } = connection
    const socket = await deps.guard.dial({ host, port, connection })
    return tls ? startTls(connection, socket, contextOf(connection, identity), protocol) : socket
  }
}

/** TLS on a socket of a connection's host, where its protocol begins with something else. Throws `upstream_unreachable`. */
export type TlsStarter = (
  connection: Connection,
  socket: Duplex,
  identity: ClientIdentity | undefined,
) => Promise<TLSSocket>

export function createTlsStarter(): TlsStarter {
  const contextOf = createTlsContexts()
  return (connection, socket, identity) => startTls(connection, socket, contextOf(connection, identity))
}

function startTls(
  connection: Connection,
  socket: Duplex,
  secureContext: SecureContext,
  protocol?: 'http/1.1' | 'h2',
): Promise<TLSSocket> {
  const host = connection.settings?.sni ?? connection.host
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({
      socket,
      // An address is no name (RFC 6066, section 3); its certificate is held against it all the same.
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      secureContext,
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    })
    const { ms, message } = connectLimit(connection)
    const timer = setTimeout(() => secure.destroy(new Error(message)), ms)
    secure.once('secureConnect', () => {
      // A host that knows no ALPN says nothing, and speaks HTTP/1.1.
      if (protocol === 'h2' && secure.alpnProtocol !== 'h2')
        secure.destroy(new Error('it does not speak HTTP/2, which gRPC needs'))
      else resolve(secure)
    })
    secure.on('error', (cause) => reject(unreachable(connection, cause)))
    secure.once('close', () => {
      clearTimeout(timer)
      reject(unreachable(connection, 'it closed the connection before TLS stood'))
    })
    secure.once('secureConnect', () => clearTimeout(timer))
  })
}

/** One context for each CA, shared by all steps; with a client certificate one for each lease, which is one connection's in one step. */
function createTlsContexts() {
  const ofCa = new Map<string, SecureContext>()
  const ofLease = new WeakMap<ClientIdentity, SecureContext>()
  return ({ ca = '' }: Connection, identity: ClientIdentity | undefined): SecureContext => {
    const known = identity === undefined ? ofCa.get(ca) : ofLease.get(identity)
    if (known !== undefined) return known
    const context = createSecureContext({
      ca: trustedRoots(ca),
      minVersion: 'TLSv1.2',
      ...(identity === undefined ? {} : { cert: identity.chain, key: identity.key.reveal() }),
    })
    if (identity === undefined) ofCa.set(ca, context)
    else ofLease.set(identity, context)
    return context
  }
}

export function unreachable(connection: Connection, cause: unknown): MayflyError {
  const { name, url } = connection
  const why =
    protocolProblem(cause) ??
    clientCertificateProblem(connection, cause) ??
    certificateProblem(connection, cause) ??
    messageOf(cause)
  return new MayflyError('upstream_unreachable', `connection "${name}" (${url}) does not answer: ${why}`, {
    cause,
  })
}

/** RFC 7301, section 3.2. */
function protocolProblem(cause: unknown): string | undefined {
  return systemCode(cause) === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'
    ? 'it does not speak the version of HTTP that is needed: HTTP/2 for gRPC, HTTP/1.1 for all else'
    : undefined
}

/** TLS alerts by which a host says what it thinks of the certificate that it was shown, or of none (RFC 8446, section 6.2). */
const certificateAlert =
  /^ERR_SSL_.*_ALERT_((?:BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(?:REQUIRED|REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA)$/

function clientCertificateProblem({ clientCertificate }: Connection, cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const alert = certificateAlert.exec(code)?.[1]?.toLowerCase().replaceAll('_', ' ')
  if (clientCertificate === undefined)
    return alert === 'certificate required'
      ? 'it asks for a client certificate: name one in mayfly.yaml as client_certificate of the connection'
      : undefined
  if (alert !== undefined) return `it refuses the client certificate (${alert})`
  // A host that closes at once after its alert may take the alert away with the connection.
  return code === 'ECONNRESET' || code === 'EPIPE'
    ? `${messageOf(cause)}; it may have refused the client certificate`
    : undefined
}
