import { constants, createPublicKey, publicEncrypt } from 'node:crypto'
import { pkcs11Tool, type Pkcs11Token } from '../../key-services/index.ts'
import type { KeyProvider } from '../provider.ts'
import { unwrapWithContext, wrapWithContext } from './oaep.ts'

/** An RSA key pair that may decrypt. */
export interface Pkcs11Options extends Omit<Pkcs11Token, 'key'> {
  /** Its label. */
  readonly key: string
  /** Its id, hex: where the token has several, a label does not find the private one. */
  readonly id?: string | undefined
  /** Of OAEP; SoftHSM and older modules know `sha1` alone, which is good enough here (RFC 8017, appendix B.1). */
  readonly hash: 'sha256' | 'sha1'
}

/** An RSA key in a hardware module: its public half wraps here, the module unwraps (RSA-OAEP). */
export function createPkcs11Provider(options: Pkcs11Options): KeyProvider {
  const { hash, id, ...at } = options
  const token = { ...at, key: id === undefined ? { label: options.key } : { id } }
  const describe = `${options.token}/${options.key} by ${options.module}`
  return {
    kind: 'pkcs11',
    describe,
    wrap: (plain, context) =>
      wrapWithContext(plain, context, async (inner) => {
        const der = await pkcs11Tool(token, ['--read-object', '--type', 'pubkey'])
        const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
        return {
          key: publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, inner),
        }
      }),
    unwrap: (wrapped, context) =>
      unwrapWithContext(wrapped, context, (inner) =>
        pkcs11Tool(token, [...decryption, ...hashes[hash]], inner),
      ),
  }
}

const hashes = {
  sha256: ['--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256'],
  sha1: ['--hash-algorithm', 'SHA-1', '--mgf', 'MGF1-SHA1'],
}
const decryption = ['--decrypt', '--mechanism', 'RSA-PKCS-OAEP']
