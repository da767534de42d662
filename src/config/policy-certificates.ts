import { parseDocument } from 'yaml'
import { limits } from '../lib/index.ts'
import type { PolicyDocument } from './policy-schema.ts'

/** A `ca` or `client_certificate` that is a path: it names a certificate file, and nothing else of the machine can be meant. */
const certificatePath = /^[^\0\r\n]{1,200}\.(?:pem|crt|cer)$/
const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** How a bundle names a file of certificates, beside `policies/...`. */
export function certificateKey(path: string): string {
  return `ca:${path}`
}

export function isCertificateKey(name: string): boolean {
  return name.startsWith('ca:') && certificatePath.test(name.slice(3))
}

/** The paths that `ca` and `client_certificate` of connections, and `egress_proxy`, name in this mayfly.yaml; none if it cannot be read, which others tell. */
export function certificatePaths(policy: string): string[] {
  if (Buffer.byteLength(policy) > limits.policyBytes) return []
  try {
    const { connections, egress_proxy: proxy } = parseDocument(policy, { version: '1.2' }).toJS({
      maxAliasCount: 0,
    }) as {
      egress_proxy?: { ca?: unknown } | null
      connections?: Record<
        string,
        { ca?: unknown; client_certificate?: { certificate?: unknown } | null } | null
      >
    }
    const named = [
      proxy?.ca,
      ...Object.values(connections ?? {}).flatMap((one) => [one?.ca, one?.client_certificate?.certificate]),
    ]
    return [
      ...new Set(named.filter((ca): ca is string => typeof ca === 'string' && certificatePath.test(ca))),
    ]
  } catch {
    return []
  }
}

/** The certificates in a PEM file, and nothing else of it: a key that lies beside them stays where it is. */
export function certificatesIn(text: string): string {
  return (text.match(block) ?? []).map((one) => `${one}\n`).join('')
}

/** The document with each certificate that is a path replaced by what came with it; one that did not come stays a path. */
export function withCertificates(
  document: PolicyDocument,
  files: Readonly<Record<string, string>>,
): PolicyDocument {
  const pem = (named: string) =>
    Object.hasOwn(files, certificateKey(named)) ? files[certificateKey(named)] : named
  const connections = Object.entries(document.connections).map(([name, one]) => {
    const { ca, client_certificate: client } = one
    return [
      name,
      {
        ...one,
        ...(ca === undefined ? {} : { ca: pem(ca) }),
        ...(client === undefined
          ? {}
          : { client_certificate: { ...client, certificate: pem(client.certificate) } }),
      },
    ]
  })
  const { egress_proxy: proxy } = document
  return {
    ...document,
    ...(proxy?.ca === undefined ? {} : { egress_proxy: { ...proxy, ca: pem(proxy.ca) } }),
    connections: Object.fromEntries(connections) as PolicyDocument['connections'],
  }
}
