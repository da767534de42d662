import type { HttpClient } from '../http-client/index.ts'
import { CloudError, jsonOf, memberOf, plainMessage, textOf } from './cloud-error.ts'

interface RestCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly body?: unknown
  /** What the token is for; the whole of the cloud's management if left out. */
  readonly scope?: string
}

export interface RestClient {
  /** One call of a REST API, with an access token of its scope. Throws `CloudError`, `upstream_unreachable` or `credential_failed`. */
  call(call: RestCall): Promise<Record<string, unknown>>
}

/** A client of a cloud's REST API: it speaks JSON, and says what failed in `error`. */
export function createRestClient(options: {
  http: HttpClient
  /** As operators know it. */
  cloud: string
  /** PEM, of an endpoint that is not the cloud's. */
  ca: string | undefined
  /** The scope of a call that names none. */
  everything: string
  tokenOf: (scope: string) => Promise<string>
  /** The member of `error` that has its code. */
  codeIn: 'code' | 'status'
}): RestClient {
  const { http, cloud, ca, everything, tokenOf, codeIn } = options
  return {
    async call({ method, url, body, scope = everything }) {
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
        what: `${cloud} ${method} ${new URL(url).pathname}`,
        status: answer.status,
        code: (textOf(error, codeIn) ?? `status ${answer.status}`).slice(0, 100),
        message: plainMessage(error['message'], body),
      })
    },
  }
}
