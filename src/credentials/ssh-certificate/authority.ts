import { createPrivateKey, sign, type KeyObject } from 'node:crypto'
import { MayflyError, type Secret } from '../../lib/index.ts'
import {
  curves,
  hasPassphrase,
  isOpensshKey,
  mpint,
  publicBlob,
  readOpensshKey,
  text,
} from '../../ssh-keys/index.ts'

/** Whose signature hosts believe (`TrustedUserCAKeys`). */
export interface Authority {
  readonly publicKey: Buffer
  /** Signature with its name, as SSH writes it (RFC 4253, section 6.6). */
  sign(data: Buffer): Buffer
}

const leastRsaBits = 2_048

/** Reads Ed25519, ECDSA and RSA keys, in OpenSSH’s form or PEM. Throws `bad_input`, which says what to do and has none of the key. */
export function authorityIn(secret: Secret, name: string): Authority {
  const refuse = (why: string, cause?: unknown) =>
    new MayflyError('bad_input', `secret "${name}" is no key to sign certificates with: ${why}`, { cause })
  let key: KeyObject
  try {
    key = privateKeyIn(secret.reveal().trim())
  } catch (cause) {
    const why =
      cause instanceof MayflyError
        ? cause.message
        : `give the private key in OpenSSH’s form or PEM: mayfly secret set ${name} <KEY`
    throw refuse(why, cause)
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return withKey(key, 'ssh-ed25519', (data) => sign(null, data, key))
  if (type === 'rsa') {
    if ((details?.modulusLength ?? 0) < leastRsaBits) throw refuse(`RSA has at least ${leastRsaBits} bits`)
    return withKey(key, 'rsa-sha2-512', (data) => sign('sha512', data, key))
  }
  const { crv } = type === 'ec' ? key.export({ format: 'jwk' }) : {}
  const curve = curves.find((one) => one.crv === crv)
  if (curve === undefined) throw refuse('use Ed25519, ECDSA on a NIST curve, or RSA')
  return withKey(key, `ecdsa-sha2-${curve.name}`, (data) => {
    const both = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' })
    return Buffer.concat([mpint(both.subarray(0, curve.bytes)), mpint(both.subarray(curve.bytes))])
  })
}

function privateKeyIn(pem: string): KeyObject {
  if (isOpensshKey(pem)) return readOpensshKey(pem)
  if (/ENCRYPTED/.test(pem)) throw new MayflyError('bad_input', hasPassphrase)
  return createPrivateKey(pem)
}

function withKey(key: KeyObject, name: string, signature: (data: Buffer) => Buffer): Authority {
  return {
    publicKey: publicBlob(key.export({ format: 'jwk' })),
    sign: (data) => Buffer.concat([text(name), text(signature(data))]),
  }
}
