import { generateKeyPairSync } from 'node:crypto'
import type { SigningKeys } from './signing-keys.ts'
import type { SigningKey } from './signing-key.ts'

/** One key for access tokens, which nobody rotates. */
export function fixedKeys(): Pick<SigningKeys, 'signer' | 'find' | 'published'> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key: SigningKey = {
    ...{ kid: 'fixed', use: 'access', alg: 'ES256', number: 1, privateKey, publicKey },
    publicJwk: publicKey.export({ format: 'jwk' }),
    ...{ createdMs: 0, notBeforeMs: 0, retiredMs: undefined, withdrawnMs: undefined },
  }
  return {
    signer: () => key,
    find: async (_use, kid) => (kid === key.kid ? key : undefined),
    published: () => [key],
  }
}
