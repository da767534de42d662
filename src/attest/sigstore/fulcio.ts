import { createPublicKey, sign, X509Certificate, type KeyObject } from 'node:crypto'
import type { Secret } from '../../lib/index.ts'
import { jsonIn, objectIn, post, unusable, type Service } from './services.ts'

/**
 * A certificate for this key and whoever the token says, in DER (Fulcio's API, `POST /api/v2/signingCert`). The proof that the key is
 * ours is a signature over the token's subject. Whether the certificate is trusted is looked at elsewhere.
 */
export async function requestCertificate(
  fulcio: Service,
  { token, subject, privateKey }: { token: Secret; subject: string; privateKey: KeyObject },
): Promise<Buffer> {
  const publicKey = createPublicKey(privateKey)
  const body = {
    credentials: { oidcIdentityToken: token.reveal() },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(subject), privateKey).toString('base64'),
    },
  }
  const answer = await post(fulcio, '/api/v2/signingCert', {
    ...{ type: 'application/json', bytes: JSON.stringify(body) },
  })
  const { signedCertificateEmbeddedSct, signedCertificateDetachedSct } = jsonIn(answer)
  const { chain } = objectIn(signedCertificateEmbeddedSct ?? signedCertificateDetachedSct)
  const { certificates } = objectIn(chain)
  const [leaf] = Array.isArray(certificates) ? (certificates as unknown[]) : []
  const certificate = readCertificate(leaf)
  if (certificate === undefined) throw unusable(fulcio.name, 'no certificate')
  if (!certificate.publicKey.equals(publicKey)) throw unusable(fulcio.name, 'a certificate of another key')
  return certificate.raw
}

const maxPem = 32_768

function readCertificate(pem: unknown): X509Certificate | undefined {
  if (typeof pem !== 'string' || pem.length > maxPem) return undefined
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
