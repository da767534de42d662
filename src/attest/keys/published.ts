import { MayflyError } from '../../lib/index.ts'
import type { Signer } from '../sign/index.ts'
import { keyIdOf } from './signature.ts'

/** What the trust document in force says of keys that sign without a certificate. */
interface PublishedKeys {
  readonly keys: readonly { readonly publicKey: string }[]
  readonly revoked: readonly { readonly key: string }[]
}

/**
 * Signs only while the trust document in force names the key and has not taken it back: by any other key nobody would take what is
 * signed. The newer document is there before the newer key signs, also where the root key is offline and takes its days.
 */
export function createPublishedSigner(signer: Signer, inForce: () => PublishedKeys | undefined): Signer {
  return {
    ...signer,
    async sign(message) {
      const id = keyIdOf(await signer.publicKey())
      const { keys = [], revoked = [] } = inForce() ?? {}
      const name = `the key ${signer.describe} (${signer.kind}, ${id})`
      if (revoked.some(({ key }) => key === id))
        throw new MayflyError(
          'attest_key',
          `${name} was revoked, and signs nothing: name another one as signer`,
        )
      if (keys.some(({ publicKey }) => keyIdOf(spkiOf(publicKey)) === id)) return await signer.sign(message)
      throw new MayflyError(
        'attest_key',
        `${name} is not in the trust document yet, and signs nothing before: where the root key is offline, have the next document signed (mayfly attest root next), and let what signed before go on until then, with this one as next (next: { signer: KEY }; docs/attest-root.md)`,
      )
    },
  }
}

function spkiOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')
}
