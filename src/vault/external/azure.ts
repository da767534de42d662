import { createAzureClient, CloudError, type AzureIdentity } from '../../clouds/index.ts'
import type { SecretStoreConfig } from '../../config/index.ts'
import type { HttpClient } from '../../http-client/index.ts'
import { fieldOf, gone, textIn, type SecretStore } from './store.ts'

type Config = Extract<SecretStoreConfig, { kind: 'azure-key-vault' }>

const scope = 'https://vault.azure.net/.default'

/** Azure Key Vault (Get Secret, API version 7.4). */
export function azureStore(config: Config, deps: { http: HttpClient; identity: AzureIdentity }): SecretStore {
  const { ca } = config
  const azure = createAzureClient({ ...deps, ca })
  return {
    async read({ path, field, version }) {
      const which = [path, ...(version === undefined ? [] : [version])].map(encodeURIComponent).join('/')
      const url = `${config.url.replace(/\/$/, '')}/secrets/${which}?api-version=7.4`
      const answer = await azure.call({ method: 'GET', url, scope }).catch((error: unknown) => {
        if (error instanceof CloudError && error.status === 404)
          throw gone('it has nothing there: check the path and the version')
        throw error
      })
      // `https://NAME.vault.azure.net/secrets/PATH/VERSION`
      const id = textIn(answer, 'id')
      return { value: fieldOf(textIn(answer, 'value'), field), version: id.slice(id.lastIndexOf('/') + 1) }
    },
  }
}
