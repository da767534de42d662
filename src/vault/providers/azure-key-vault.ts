import type { RestClient } from '../../clouds/index.ts'
import { azureKey } from '../../key-services/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'
import { unwrapWithContext, wrapWithContext } from './oaep.ts'

const version = 'api-version=7.4'

/** An RSA key of Azure Key Vault or a managed HSM (wrapkey and unwrapkey, RSA-OAEP-256). */
export function createAzureKeyVaultProvider(options: {
  azure: RestClient
  /** `https://NAME.vault.azure.net`. */
  vault: string
  key: string
}): KeyProvider {
  const { azure, key } = options
  const { url: keyUrl, scope } = azureKey(options.vault, key)

  async function call(url: string, verb: 'wrapkey' | 'unwrapkey', value: Buffer) {
    const answer = await azure.call({
      ...{ method: 'POST', url: `${url}/${verb}?${version}`, scope },
      body: { alg: 'RSA-OAEP-256', value: value.toString('base64url') },
    })
    const { value: made, kid } = answer
    if (typeof made !== 'string' || typeof kid !== 'string')
      throw new MayflyError('credential_failed', `Azure ${verb} of ${key} answered without value or kid`)
    return { by: kid, key: Buffer.from(made, 'base64url') }
  }

  return {
    kind: 'azure-key-vault',
    describe: keyUrl,
    wrap: (plain, context) => wrapWithContext(plain, context, (inner) => call(keyUrl, 'wrapkey', inner)),
    unwrap: (wrapped, context) =>
      unwrapWithContext(wrapped, context, async (inner, kid) => {
        // With the version that wrapped it, since keys rotate; our token goes to no vault that the store names.
        if (kid === undefined || !kid.startsWith(`${keyUrl}/`))
          throw new MayflyError('vault_key', `the vault was not wrapped by ${keyUrl}: name that key`)
        return (await call(kid, 'unwrapkey', inner)).key
      }),
  }
}
