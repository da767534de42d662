import { createPublicKey, sign, type KeyObject } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'

/** A key that signs attestations, wherever it lies: in memory, in a key service, in a hardware module. ECDSA P-256 alone. */
export interface Signer {
  /** The kind of its provider: `key`, `aws-kms`, `pkcs11`. */
  readonly kind: string
  /** Which one it is, for people: an ARN, a path, a label. */
  readonly describe: string
  /** SPKI in DER. */
  publicKey(): Promise<Buffer>
  /** ECDSA in DER over the message's SHA-256. Throws if the provider is away or refuses. */
  sign(message: Uint8Array): Promise<Buffer>
}

/** Throws `bad_input` for a key that is not on P-256: our log, root and verifiers take no other. */
export function createKeySigner(privateKey: KeyObject, describe: string): Signer {
  const isPrivate = privateKey.type === 'private'
  if (!isPrivate || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new MayflyError(
      'bad_input',
      `${describe} is no private key on P-256: openssl ecparam -name prime256v1 -genkey -noout makes one`,
    )
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return {
    kind: 'key',
    describe,
    publicKey: () => Promise.resolve(publicKey),
    // In this thread: a signature takes 30 microseconds, and a way to the thread pool and back takes longer.
    sign: (message) => Promise.resolve(sign('sha256', message, privateKey)),
  }
}
