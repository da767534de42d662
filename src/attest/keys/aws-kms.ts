import type { AwsClient } from '../../clouds/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { advised } from './advised.ts'
import { bytesIn } from './answer.ts'
import type { KeyHolder } from './holder.ts'

/** An asymmetric key of AWS KMS (ECC_NIST_P256 for SIGN_VERIFY): GetPublicKey, and Sign with ECDSA_SHA_256 over a digest. */
export function createAwsKmsHolder({ aws, key }: { aws: AwsClient; key: string }): KeyHolder {
  const what = `the AWS KMS key ${key}`
  const call = (operation: 'GetPublicKey' | 'Sign', input: object) =>
    advised(what, advice, () => aws.call('kms', `TrentService.${operation}`, { KeyId: key, ...input }))
  return {
    kind: 'aws-kms',
    describe: key,
    async publicKey() {
      const answer = await call('GetPublicKey', {})
      // AWS says the kind under both names; others only under the former one.
      const kind = answer['KeySpec'] ?? answer['CustomerMasterKeySpec']
      if (answer['KeyUsage'] !== 'SIGN_VERIFY' || kind !== 'ECC_NIST_P256')
        throw new MayflyError(
          'attest_key',
          `${what} is none of ECC_NIST_P256 for SIGN_VERIFY: aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY makes one`,
        )
      return bytesIn(answer, 'PublicKey', what)
    },
    async sign({ digest }) {
      const answer = await call('Sign', {
        ...{ Message: digest.toString('base64'), MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' },
      })
      return bytesIn(answer, 'Signature', what)
    },
  }
}

/** AWS KMS API reference, "Sign" and "GetPublicKey", errors. */
const advice = [
  [/^Disabled/, 'it is disabled: aws kms enable-key, or name another one'],
  [
    /^KMSInvalidState/,
    'it cannot be used: if it waits for its deletion, aws kms cancel-key-deletion and then enable-key, or name another one',
  ],
  [/^NotFound/, 'it is not there: check its id and region; if it was deleted, name another one'],
  [
    /^(?:InvalidKeyUsage|UnsupportedOperation)/,
    'it is no key of ECC_NIST_P256 for SIGN_VERIFY: make one, and name it',
  ],
  [/^AccessDenied/, 'give the identity that this server runs as kms:Sign and kms:GetPublicKey of it'],
] as const
