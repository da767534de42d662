import { createECDH, randomBytes, webcrypto } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { isIP } from 'node:net'
// @peculiar/x509 needs it, and before itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../lib/index.ts'

/**
 * The certificate authority of one session. Its key is in memory only, not extractable, and the session's alone: nobody can use
 * it for another one, and whoever steals a CA file has stolen nothing. With the session's key material it is made anew, the
 * same, after a restart or in another gateway: a step goes on trusting what it was given.
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

export async function createRunCa(deps: {
  runId: string
  expiresMs: number
  clock: Clock
  /** 48 bytes that are the session's alone, or else the key is made of chance. */
  material?: Uint8Array
}): Promise<RunCa> {
  x509.cryptoProvider.set(webcrypto as never)
  const notBefore = new Date(deps.clock.nowMs() - backdateMs)
  const notAfter = new Date(deps.expiresMs)
  const keys = await keysFrom(deps.material ?? randomBytes(48))
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

/** The order of P-256 (NIST SP 800-186, section 3.2.1.3). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** A key pair of P-256 from 48 bytes: with 128 bits more than it needs no key is likelier than another (FIPS 186-5, A.2.1). */
async function keysFrom(material: Uint8Array): Promise<webcrypto.CryptoKeyPair> {
  const scalar = (BigInt(`0x${Buffer.from(material).toString('hex')}`) % (order - 1n)) + 1n
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(scalar.toString(16).padStart(64, '0'), 'hex')
  const point = curve.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'))
  const publicJwk = { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }
  const privateJwk = { ...publicJwk, d: curve.getPrivateKey().toString('base64url') }
  const [privateKey, publicKey] = await Promise.all([
    webcrypto.subtle.importKey('jwk', privateJwk, algorithm, false, ['sign']),
    webcrypto.subtle.importKey('jwk', publicJwk, algorithm, true, ['verify']),
  ])
  return { privateKey, publicKey }
}

// RFC 5280, section 4.1.2.2: positive, at most 20 octets.
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
