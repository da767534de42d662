import type { RestClient } from '../../clouds/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { advised } from './advised.ts'
import { bytesIn, spkiOfPem } from './answer.ts'
import { crc32c } from './crc32c.ts'
import type { KeyHolder } from './holder.ts'

const algorithm = 'EC_SIGN_P256_SHA256'

/**
 * A version of a key of Google Cloud KMS: `.../cryptoKeys/K/cryptoKeyVersions/N` of EC_SIGN_P256_SHA256. Each way is held to its CRC32C
 * and to the version's name, as "Verifying end-to-end data integrity" asks for.
 */
export function createGcpKmsHolder(options: {
  gcp: RestClient
  key: string
  /** `https://cloudkms.googleapis.com` if left out. */
  endpoint?: string | undefined
}): KeyHolder {
  const { gcp, key, endpoint = 'https://cloudkms.googleapis.com' } = options
  const scope = 'https://www.googleapis.com/auth/cloudkms'
  const what = `the Google Cloud KMS key ${key}`
  const url = `${endpoint.replace(/\/+$/, '')}/v1/${key}`

  async function call(request: { method: 'GET' | 'POST'; url: string; body?: unknown }) {
    const answer = await advised(what, advice, () => gcp.call({ ...request, scope }))
    if (answer['name'] === key) return answer
    throw new MayflyError(
      'credential_failed',
      `${what}: its service answered for another key: check the endpoint`,
    )
  }

  return {
    kind: 'gcp-kms',
    describe: key,
    async publicKey() {
      const answer = await call({ method: 'GET', url: `${url}/publicKey` })
      if (answer['algorithm'] !== algorithm)
        throw new MayflyError('attest_key', `${what} is none of ${algorithm}: make such a key, and name it`)
      const { pem } = answer
      if (typeof pem === 'string') intact(Buffer.from(pem), answer['pemCrc32c'], what)
      return spkiOfPem(pem, what)
    },
    async sign({ digest }) {
      const body = { digest: { sha256: digest.toString('base64') }, digestCrc32c: String(crc32c(digest)) }
      const answer = await call({ method: 'POST', url: `${url}:asymmetricSign`, body })
      if (answer['verifiedDigestCrc32c'] !== true) throw changed(what)
      const signature = bytesIn(answer, 'signature', what)
      intact(signature, answer['signatureCrc32c'], what)
      return signature
    },
  }
}

/** An int64 in JSON of protocol buffers is a text. */
function intact(bytes: Uint8Array, told: unknown, what: string): void {
  if (String(told) !== String(crc32c(bytes))) throw changed(what)
}

/** Google asks for a limited number of retries: whoever wanted the signature asks again. */
function changed(what: string): MayflyError {
  return new MayflyError(
    'upstream_unreachable',
    `${what}: what was sent or answered was changed on the way (CRC32C): it is tried again later`,
  )
}

/** Of a version that is disabled, destroyed or scheduled for that, Google says FAILED_PRECONDITION. */
const advice = [
  [
    /^FAILED_PRECONDITION/,
    'this version is not enabled: enable it, or restore it while it is only scheduled for destruction, or name another one',
  ],
  [/^INVALID_ARGUMENT/, `it is no version of a key of ${algorithm}: make one, and name it`],
  [/^NOT_FOUND/, 'it is not there: check project, location, key ring, key and version'],
  [
    /^PERMISSION_DENIED/,
    'give the identity that this server runs as roles/cloudkms.signerVerifier (cloudkms.cryptoKeyVersions.useToSign and viewPublicKey)',
  ],
] as const
