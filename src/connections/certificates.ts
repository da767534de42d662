import { X509Certificate } from 'node:crypto'
import type { ConnectionConfig } from '../config/index.ts'

/** What a gateway proves itself with to a host that asks for a client certificate. */
export interface ClientCertificate {
  /** PEM: its own certificate first, then those between it and its authority. */
  readonly chain: string
  /** The secret that holds its private key. */
  readonly secret: string
}

export function compileClientCertificate({ client_certificate: client }: ConnectionConfig): {
  clientCertificate?: ClientCertificate
} {
  if (client === undefined) return {}
  return { clientCertificate: { chain: client.certificate, secret: client.key.slice('secret:'.length) } }
}

interface Certificates {
  readonly ca: string | undefined
  readonly clientCertificate?: ClientCertificate
  readonly tls: boolean
}

/** What is wrong with the certificates of a connection, by the key it is written under. */
export function certificateProblems({ ca, clientCertificate, tls }: Certificates): [string, string][] {
  const problems: [string, string][] = []
  if (ca !== undefined && !isCertificate(ca)) problems.push(['ca', `ca is ${neither}`])
  if (clientCertificate === undefined) return problems
  if (!isCertificate(clientCertificate.chain))
    problems.push(['client_certificate', `client_certificate.certificate is ${neither}`])
  if (!tls)
    problems.push([
      'client_certificate',
      'client_certificate is for https://, or tls: verify: without TLS nobody asks for it',
    ])
  return problems
}

export const neither =
  'neither a certificate in PEM nor the path of a .pem, .crt or .cer file, seen from mayfly.yaml'

export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
