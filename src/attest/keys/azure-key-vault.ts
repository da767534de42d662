import { createPublicKey } from 'node:crypto'
import type { RestClient } from '../../clouds/index.ts'
import { azureKey } from '../../key-services/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { advised } from './advised.ts'
import { bytesIn } from './answer.ts'
import type { KeyHolder } from './holder.ts'
import { derOfRaw } from './signature.ts'

const api = 'api-version=7.4'

/** A version of a key of Azure Key Vault or a managed HSM, kind EC or EC-HSM on P-256 (sign with ES256 over a digest). */
export function createAzureKeyVaultHolder(options: {
  azure: RestClient
  /** `https://NAME.vault.azure.net`. */
  vault: string
  key: string
  version: string
}): KeyHolder {
  const { azure, vault, key, version } = options
  const { url: keyUrl, scope } = azureKey(vault, key)
  const url = `${keyUrl}/${version}`
  const what = `the Azure key ${url}`

  const call = (request: { method: 'GET' | 'POST'; url: string; body?: unknown }) =>
    advised(what, advice, () => azure.call({ ...request, scope }))

  return {
    kind: 'azure-key-vault',
    describe: url,
    async publicKey() {
      const { key: jwk } = await call({ method: 'GET', url: `${url}?${api}` })
      return spkiOf(jwk, what)
    },
    async sign({ digest }) {
      const body = { alg: 'ES256', value: digest.toString('base64url') }
      const answer = await call({ method: 'POST', url: `${url}/sign?${api}`, body })
      const signature = derOfRaw(bytesIn(answer, 'value', what, 'base64url'))
      if (signature !== undefined) return signature
      throw new MayflyError('credential_failed', `${what}: its service answered with no signature of ES256`)
    },
  }
}

function spkiOf(jwk: unknown, what: string): Buffer {
  const { kty, crv, x, y } = (typeof jwk === 'object' && jwk !== null ? jwk : {}) as Record<string, unknown>
  if ((kty === 'EC' || kty === 'EC-HSM') && crv === 'P-256' && typeof x === 'string' && typeof y === 'string')
    try {
      // In a module its kind is EC-HSM, which no other reader of a JWK knows.
      const key = createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' })
      return key.export({ type: 'spki', format: 'der' })
    } catch {
      // Its coordinates are none.
    }
  throw new MayflyError('attest_key', `${what} is no key of P-256 (kind EC or EC-HSM): make one, and name it`)
}

const advice = [
  [/disabled/i, 'it is disabled: az keyvault key set-attributes --enabled true, or name another one'],
  [/expired|not.?yet.?valid/i, 'its dates do not allow its use now: change them, or name another one'],
  [/deleted|recoverable/i, 'it was deleted: az keyvault key recover, or name another one'],
  [/^(?:KeyNotFound|NotFound|VaultNotFound)/, 'it is not there: check vault, name and version'],
  [/^BadParameter/, 'it is no key of P-256 that may sign: make one, and name it'],
  [
    /^Forbidden/,
    'give the identity that this server runs as the permissions keys/get and keys/sign (role Key Vault Crypto User)',
  ],
] as const
