import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import type { AwsCredentials, signed } from './aws-chain.ts'
import { CloudError, jsonOf, plainMessage, soon, textOf } from './cloud-error.ts'

export interface AwsClient {
  /**
   * One operation of a service that speaks AWS's JSON protocol: `call('kms', 'TrentService.Encrypt', {...})`. Throws `CloudError`,
   * `upstream_unreachable`, or `credential_failed` if there are no credentials.
   */
  call(
    service: string,
    target: string,
    input: Readonly<Record<string, unknown>>,
  ): Promise<Record<string, unknown>>
}

/** Credentials come from AWS's standard chain (`aws-chain.ts`) unless somebody gives them. */
export function createAwsClient(options: {
  http: HttpClient
  region: string
  /** Instead of `https://SERVICE.REGION.amazonaws.com`: a VPC endpoint, a test's server. */
  endpoint?: string | undefined
  /** PEM, of the endpoint. */
  ca?: string | undefined
  credentials?: () => Promise<AwsCredentials>
}): AwsClient {
  const { http, region, ca } = options
  let credentials = options.credentials
  return {
    async call(service, target, input) {
      const { signed, standardChain } = await import('./aws-chain.ts')
      credentials ??= standardChain(region)
      const url = new URL(options.endpoint ?? `https://${service}.${region}.${domainOf(region)}/`)
      const body = JSON.stringify(input)
      const plain = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target }
      const headers = await signed({
        ...{ url, service, region, body, headers: plain },
        credentials: await found(credentials),
      })
      const answer = await http.ask({ method: 'POST', url: url.href, headers, body, ca })
      const json = jsonOf(answer)
      if (answer.status === 200 && json !== undefined) return json
      throw refusalOf(`AWS ${service} ${operationOf(target)}`, answer.status, json, input)
    },
  }
}

/** Headers of a POST with Signature Version 4 added. */
export async function signedForAws(request: Parameters<typeof signed>[0]): Promise<Record<string, string>> {
  const chain = await import('./aws-chain.ts')
  return chain.signed(request)
}

async function found(credentials: () => Promise<AwsCredentials>): Promise<AwsCredentials> {
  try {
    return await soon('AWS', credentials())
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError(
      'credential_failed',
      `AWS: no credentials (${messageOf(cause).slice(0, 200)}): give this server a role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      { cause },
    )
  }
}

function refusalOf(
  what: string,
  status: number,
  json: Record<string, unknown> | undefined,
  input: Readonly<Record<string, unknown>>,
): CloudError {
  const type = textOf(json, '__type', 'code', 'Code') ?? `status ${status}`
  const code = type.slice(type.lastIndexOf('#') + 1).slice(0, 100)
  return new CloudError({
    ...{ what, status, code },
    message: plainMessage(textOf(json, 'message', 'Message'), input),
  })
}

function operationOf(target: string): string {
  return target.slice(target.lastIndexOf('.') + 1)
}

/** AWS's partitions: China, and the sovereign ones, have domains of their own. */
function domainOf(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn'
  if (region.startsWith('eusc-')) return 'amazonaws.eu'
  return 'amazonaws.com'
}
