import { CloudError, type AwsClient } from '../../clouds/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'

/** A symmetric key of AWS KMS (Encrypt and Decrypt, with an encryption context, which CloudTrail shows). */
export function createAwsKmsProvider({ aws, key }: { aws: AwsClient; key: string }): KeyProvider {
  const call = async (operation: 'Encrypt' | 'Decrypt', context: string, input: object, member: string) => {
    const answer = await aws.call('kms', `TrentService.${operation}`, {
      ...{ KeyId: key, EncryptionContext: { mayfly: context }, ...input },
    })
    const value = answer[member]
    if (typeof value === 'string') return value
    throw new MayflyError('credential_failed', `AWS kms ${operation} answered without ${member}`)
  }
  return {
    kind: 'aws-kms',
    describe: key,
    wrap: (plain, context) =>
      call('Encrypt', context, { Plaintext: plain.toString('base64') }, 'CiphertextBlob'),
    async unwrap(wrapped, context) {
      try {
        return Buffer.from(await call('Decrypt', context, { CiphertextBlob: wrapped }, 'Plaintext'), 'base64')
      } catch (cause) {
        if (!(cause instanceof CloudError) || !/^(?:InvalidCiphertext|IncorrectKey)/.test(cause.cloudCode))
          throw cause
        throw new MayflyError('vault_key', `the vault was not wrapped by the KMS key ${key}: name that one`, {
          cause,
        })
      }
    },
  }
}
