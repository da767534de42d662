import type { HttpClient } from '../http-client/index.ts'
import { azureTokens, type AzureIdentity } from './azure-tokens.ts'
import { createRestClient, type RestClient } from './rest.ts'

const management = 'https://management.azure.com/.default'

/** Who it is comes from `identity`: see `azureIdentity`. */
export function createAzureClient(options: {
  http: HttpClient
  identity: AzureIdentity
  /** PEM, of an endpoint that is not Azure's. */
  ca?: string | undefined
  nowMs?: () => number
}): RestClient {
  const { http, ca } = options
  const tokenOf = azureTokens({ http, identity: options.identity, ca, nowMs: options.nowMs ?? Date.now })
  return createRestClient({ http, cloud: 'Azure', ca, everything: management, tokenOf, codeIn: 'code' })
}
