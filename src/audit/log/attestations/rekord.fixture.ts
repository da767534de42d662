import { createHash, generateKeyPairSync, sign } from 'node:crypto'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = publicKey.export({ format: 'der', type: 'spki' })

export interface Rekord {
  entry: Buffer
  signature: Buffer
  message: Buffer
}

/** What a signer of ours sends: a signature over these bytes by one key of this process. */
export function rekordOf(message: string): Rekord {
  const bytes = Buffer.from(message)
  const signature = sign('sha256', bytes, privateKey)
  const digest = createHash('sha256').update(bytes).digest()
  return { entry: entryOf({ digest, signature }), signature, message: bytes }
}

export function entryOf({
  digest,
  signature,
  verifier = `"publicKey":{"rawBytes":"${spki.toString('base64')}"}`,
}: {
  digest: Buffer
  signature: Buffer
  verifier?: string
}): Buffer {
  return Buffer.from(
    `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"${digest.toString('base64')}"},"signature":{"content":"${signature.toString('base64')}","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",${verifier}}}}}}`,
  )
}

export const publicKeyPem = publicKey.export({ format: 'pem', type: 'spki' })
