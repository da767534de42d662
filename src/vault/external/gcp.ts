import { createGcpClient, CloudError } from '../../clouds/index.ts'
import type { SecretStoreConfig } from '../../config/index.ts'
import type { HttpClient } from '../../http-client/index.ts'
import { asObject, fieldOf, gone, refused, textIn, type SecretStore } from './store.ts'

type Config = Extract<SecretStoreConfig, { kind: 'gcp-secret-manager' }>

/** Google Secret Manager (`versions.access`). */
export function gcpStore(
  config: Config,
  deps: { http: HttpClient; token?: (scope: string) => Promise<string> },
): SecretStore {
  const { project, endpoint = 'https://secretmanager.googleapis.com', ca } = config
  const gcp = createGcpClient({ ...deps, ca })
  return {
    async read({ path, field, version = 'latest' }) {
      const url = `${endpoint.replace(/\/$/, '')}/v1/projects/${project}/secrets/${encodeURIComponent(path)}/versions/${version}:access`
      const answer = await gcp.call({ method: 'GET', url }).catch((error: unknown) => {
        if (!(error instanceof CloudError)) throw error
        if (error.status === 404) throw gone('it has nothing there: check the path and the version')
        // A version that is disabled or destroyed.
        if (error.cloudCode === 'FAILED_PRECONDITION')
          throw gone('that version is disabled or destroyed there')
        throw error
      })
      const data = textIn(asObject(answer['payload']) ?? {}, 'data')
      const bytes = Buffer.from(data, 'base64')
      if (!bytes.equals(Buffer.from(bytes.toString('utf8')))) throw refused('its value is not UTF-8 text')
      const name = textIn(answer, 'name')
      return { value: fieldOf(bytes.toString('utf8'), field), version: name.slice(name.lastIndexOf('/') + 1) }
    },
  }
}
