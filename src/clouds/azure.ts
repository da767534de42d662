import type { HttpClient } from '../http-client/index.ts'
import { azureTokens, type AzureIdentity } from './azure-tokens.ts'
import { CloudError, jsonOf, memberOf, plainMessage, textOf } from './cloud-error.ts'
import type { RestCall } from './gcp.ts'

export interface AzureClient {
  /** One call of a REST API, with an access token of its scope. Throws `CloudError`, `upstream_unreachable` or `credential_failed`. */
  call(call: RestCall): Promise<Record<string, unknown>>
}

const management = 'https://management.azure.com/.default'

/** Who it is comes from `identity`: see `azureIdentity`. */
export function createAzureClient(options: {
  http: HttpClient
  identity: AzureIdentity
  /** PEM, of an endpoint that is not Azure's. */
  ca?: string | undefined
  nowMs?: () => number
}): AzureClient {
  const { http, ca } = options
  const tokenOf = azureTokens({ http, identity: options.identity, ca, nowMs: options.nowMs ?? Date.now })
  return {
    async call({ method, url, body, scope = management }) {
      const answer = await http.ask({
        ...{ method, url, ca },
        headers: {
          authorization: `Bearer ${await tokenOf(scope)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const json = jsonOf(answer)
      if (answer.status >= 200 && answer.status < 300 && json !== undefined) return json
      const error = memberOf(json, 'error')
      throw new CloudError({
        what: `Azure ${method} ${new URL(url).pathname}`,
        status: answer.status,
        code: (textOf(error, 'code') ?? `status ${answer.status}`).slice(0, 100),
        message: plainMessage(error['message'], body),
      })
    },
  }
}
