import { readFile } from 'node:fs/promises'
import type { HttpClient, HttpQuestion } from '../http-client/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { CloudError, jsonOf, textOf } from './cloud-error.ts'

/** Who this server is in Microsoft Entra. */
export type AzureIdentity = {
  /** `https://login.microsoftonline.com`, or of a sovereign cloud. */
  readonly authority?: string | undefined
} & (
  | { readonly kind: 'secret'; readonly tenant: string; readonly client: string; readonly secret: string }
  | {
      readonly kind: 'federated'
      readonly tenant: string
      readonly client: string
      /** A token of another issuer that the application trusts; read anew each time, since it is short-lived. */
      readonly assertion: () => Promise<string>
    }
  | {
      readonly kind: 'managed'
      /** A user-assigned identity; the system's own if left out. */
      readonly client?: string | undefined
      /** App Service and Container Apps have an address and a header of their own instead of the metadata service. */
      readonly endpoint?: string | undefined
      readonly header?: string | undefined
    }
)

/**
 * As Azure's own libraries choose it from the variables: a client secret, a workload identity's token file, else a managed
 * identity (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`, `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_AUTHORITY_HOST`,
 * `IDENTITY_ENDPOINT`, `IDENTITY_HEADER`).
 */
export function azureIdentity(variables: Readonly<Record<string, string>>): AzureIdentity {
  const {
    AZURE_TENANT_ID: tenant,
    AZURE_CLIENT_ID: client,
    AZURE_CLIENT_SECRET: secret,
    AZURE_FEDERATED_TOKEN_FILE: file,
    AZURE_AUTHORITY_HOST: authority,
    IDENTITY_ENDPOINT: endpoint,
    IDENTITY_HEADER: header,
  } = variables
  const known = tenant !== undefined && tenant !== '' && client !== undefined && client !== ''
  if (known && secret !== undefined && secret !== '')
    return { kind: 'secret', tenant, client, secret, authority }
  if (known && file !== undefined && file !== '')
    return {
      ...{ kind: 'federated', tenant, client, authority },
      assertion: async () => (await readFile(file, 'utf8')).trim(),
    }
  return { kind: 'managed', client, endpoint, header }
}

/** It is asked for anew that long before it expires: what it is used for takes time. */
const earlyMs = 120_000

/** Access tokens by their scope (`https://vault.azure.net/.default`), kept until shortly before they expire. */
export function azureTokens(deps: {
  http: HttpClient
  identity: AzureIdentity
  ca: string | undefined
  nowMs: () => number
}): (scope: string) => Promise<string> {
  const kept = new Map<string, { token: string; untilMs: number }>()
  return async (scope) => {
    const known = kept.get(scope)
    if (known !== undefined && deps.nowMs() < known.untilMs - earlyMs) return known.token
    const answer = await deps.http.ask(await questionOf(deps.identity, scope, deps.ca))
    const json = jsonOf(answer)
    const token = textOf(json, 'access_token')
    if (answer.status !== 200 || token === undefined)
      throw new CloudError({
        what: `Azure: no access token for ${scope}`,
        status: answer.status,
        code: textOf(json, 'error') ?? `status ${answer.status}`,
        // AADSTS numbers say what is wrong; the rest of the text may repeat the assertion.
        message: /AADSTS\d+/.exec(textOf(json, 'error_description') ?? '')?.[0] ?? '',
      })
    // Managed identities send it as text.
    const seconds = Number(json?.['expires_in'] ?? 0)
    kept.set(scope, { token, untilMs: deps.nowMs() + (Number.isFinite(seconds) ? seconds : 0) * 1000 })
    return token
  }
}

async function questionOf(
  identity: AzureIdentity,
  scope: string,
  ca: string | undefined,
): Promise<HttpQuestion> {
  if (identity.kind === 'managed') return managedQuestion(identity, scope)
  const authority = (identity.authority ?? 'https://login.microsoftonline.com').replace(/\/+$/, '')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: identity.client,
    scope,
    ...(identity.kind === 'secret'
      ? { client_secret: identity.secret }
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await assertionOf(identity.assertion),
        }),
  })
  return {
    method: 'POST',
    url: `${authority}/${encodeURIComponent(identity.tenant)}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    ca,
  }
}

function managedQuestion(
  { client, endpoint, header }: Extract<AzureIdentity, { kind: 'managed' }>,
  scope: string,
): HttpQuestion {
  const hasOwn = endpoint !== undefined && endpoint !== '' && header !== undefined
  const url = new URL(hasOwn ? endpoint : 'http://169.254.169.254/metadata/identity/oauth2/token')
  url.searchParams.set('api-version', hasOwn ? '2019-08-01' : '2018-02-01')
  url.searchParams.set('resource', scope.replace(/\/\.default$/, ''))
  if (client !== undefined && client !== '') url.searchParams.set('client_id', client)
  return {
    method: 'GET',
    url: url.href,
    headers: hasOwn ? { 'x-identity-header': header } : { metadata: 'true' },
    isMetadataService: true,
    timeoutMs: 5_000,
  }
}

async function assertionOf(read: () => Promise<string>): Promise<string> {
  try {
    return await read()
  } catch (cause) {
    throw new MayflyError(
      'credential_failed',
      `Azure: the federated token cannot be read (${messageOf(cause)}): check AZURE_FEDERATED_TOKEN_FILE`,
      { cause },
    )
  }
}
