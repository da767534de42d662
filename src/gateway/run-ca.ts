import { randomBytes, webcrypto } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { isIP } from 'node:net'
// @peculiar/x509 needs it, and before itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../lib/index.ts'

/**
 * The certificate authority of one run. Its key is made here, held in memory, not extractable, and dies with
 * the run: nobody can use it for another run, and whoever steals a CA file has stolen nothing.
 */
export interface RunCa {
  /** PEM, for the step's trust store. */
  readonly certificate: string
  /** What the gateway presents as `host`; made once per host. */
  contextFor(host: string): Promise<SecureContext>
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Clocks of runners differ; a certificate that is not valid yet helps nobody. */
const backdateMs = 10 * 60_000

export async function createRunCa(deps: { runId: string; expiresMs: number; clock: Clock }): Promise<RunCa> {
  x509.cryptoProvider.set(webcrypto as never)
  const notBefore = new Date(deps.clock.nowMs() - backdateMs)
  const notAfter = new Date(deps.expiresMs)
  const keys = await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=Mayfly ${deps.runId}`,
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  // One key for all hosts of the run: making keys is the slow part, and it protects the same traffic.
  const leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const leafKey = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey),
    'PRIVATE KEY',
  )
  const contexts = new Map<string, Promise<SecureContext>>()

  async function issue(host: string): Promise<SecureContext> {
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: '',
      issuer: authority.subject,
      notBefore,
      notAfter,
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          [{ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }],
          true,
        ),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    return createSecureContext({ cert: leaf.toString('pem'), key: leafKey, minVersion: 'TLSv1.2' })
  }

  return {
    certificate: authority.toString('pem'),
    contextFor(host) {
      const known = contexts.get(host)
      if (known !== undefined) return known
      const issuing = issue(host)
      contexts.set(host, issuing)
      return issuing
    },
  }
}

// RFC 5280, section 4.1.2.2: positive, at most 20 octets.
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
