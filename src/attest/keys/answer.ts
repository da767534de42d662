import { MayflyError } from '../../lib/index.ts'

const maxBase64 = 16_384

/** Bytes of an answer, in base64 or base64url in its one form. Throws `credential_failed`, which repeats nothing of it. */
export function bytesIn(
  answer: Readonly<Record<string, unknown>>,
  member: string,
  what: string,
  encoding: 'base64' | 'base64url' = 'base64',
): Buffer {
  const text = answer[member]
  if (typeof text === 'string' && text !== '' && text.length <= maxBase64) {
    const bytes = Buffer.from(text, encoding)
    if (bytes.toString(encoding) === text) return bytes
  }
  throw new MayflyError('credential_failed', `${what}: its service answered without ${member} in ${encoding}`)
}

/** A public key in PEM, as SPKI in DER. Throws `credential_failed`. */
export function spkiOfPem(pem: unknown, what: string): Buffer {
  const [, base64] =
    typeof pem === 'string' && pem.length <= maxBase64
      ? (/^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(pem) ?? [])
      : []
  if (base64 !== undefined) return Buffer.from(base64.replaceAll(/\s/g, ''), 'base64')
  throw new MayflyError('credential_failed', `${what}: its service answered without a public key in PEM`)
}
