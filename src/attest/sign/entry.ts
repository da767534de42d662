/** Whom an entry of the log names as the one that signed. */
export type EntrySigner =
  | { readonly kind: 'certificate'; readonly certificate: Buffer }
  | { readonly kind: 'key'; readonly spki: Buffer }

/**
 * An entry of Rekor v2, `hashedrekord/0.0.2`, in canonical JSON (RFC 8785): names in order, no space. Verifiers make the same
 * bytes again from the bundle and compare. Of a DSSE envelope the digest is over what was signed (preAuthentication).
 */
export function hashedRekord(digest: Buffer, signature: Buffer, signer: EntrySigner): Buffer {
  const keyDetails = 'PKIX_ECDSA_P256_SHA_256'
  const verifier =
    signer.kind === 'key'
      ? { keyDetails, publicKey: { rawBytes: signer.spki.toString('base64') } }
      : { keyDetails, x509Certificate: { rawBytes: signer.certificate.toString('base64') } }
  const data = { algorithm: 'SHA2_256', digest: digest.toString('base64') }
  const record = { data, signature: { content: signature.toString('base64'), verifier } }
  return Buffer.from(
    JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002: record } }),
  )
}
