import type { RestClient } from '../../clouds/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'

/** A symmetric key of Google Cloud KMS: `projects/P/locations/L/keyRings/R/cryptoKeys/K`. */
export function createGcpKmsProvider(options: {
  gcp: RestClient
  key: string
  /** `https://cloudkms.googleapis.com` if left out. */
  endpoint?: string | undefined
}): KeyProvider {
  const { gcp, key, endpoint = 'https://cloudkms.googleapis.com' } = options
  const scope = 'https://www.googleapis.com/auth/cloudkms'
  const call = async (
    verb: 'encrypt' | 'decrypt',
    body: object,
    context: string,
    member: string,
  ): Promise<string> => {
    const additionalAuthenticatedData = Buffer.from(context).toString('base64')
    const answer = await gcp.call({
      ...{ method: 'POST', url: `${endpoint}/v1/${key}:${verb}`, scope },
      body: { ...body, additionalAuthenticatedData },
    })
    const value = answer[member]
    if (typeof value === 'string') return value
    throw new MayflyError('credential_failed', `Google Cloud KMS ${verb} answered without ${member}`)
  }
  return {
    kind: 'gcp-kms',
    describe: key,
    wrap: (plain, context) => call('encrypt', { plaintext: plain.toString('base64') }, context, 'ciphertext'),
    async unwrap(wrapped, context) {
      return Buffer.from(await call('decrypt', { ciphertext: wrapped }, context, 'plaintext'), 'base64')
    },
  }
}
