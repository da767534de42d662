import { request as httpRequest, type ClientRequest, type OutgoingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'

/** A CONNECT to this `host:port` at the gateway, on a connection of its own; it is sent when the caller ends it. */
export function askGateway(
  gateway: string,
  authority: string,
  { headers = {}, timeoutMs }: { readonly headers?: OutgoingHttpHeaders; readonly timeoutMs: number },
): ClientRequest {
  const { hostname, port, protocol } = new URL(gateway)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return (protocol === 'https:' ? httpsRequest : httpRequest)({
    host,
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : port,
    // The gateway's own name. Node would take it from the Host header, which for CONNECT is the target's.
    servername: isIP(host) === 0 ? host : '',
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    method: 'CONNECT',
    path: authority,
    headers,
    agent: false,
    timeout: timeoutMs,
  })
}
