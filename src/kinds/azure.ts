import { formOf, type SampledForm } from '../lib/index.ts'
import { azureCloudOf, azureHost, azureHosts, type AzureService } from './azure-hosts.ts'
import type { Kind, KindSettings, KnownConnection, SettingsFile } from './kind.ts'

/** Names of blobs have 1,024 characters, and one that is escaped takes up to nine. */
const maxResourceChars = 3_600

const services = 'blob|queue|table|file|dfs|vault'
const isAction = new RegExp(
  `^(?:(?:[a-z][a-z0-9-]{0,60}(?:\\.[a-z0-9-]{1,60})+|${services})(?:/[a-z0-9_.$-]{1,80}){1,20}|(?:arm|${services}):[A-Z]{1,10})$`,
)

const named = formOf({
  rule: 'an action of Azure’s RBAC in lower case (`microsoft.web/sites/write`), of data in storage and vaults behind `blob/` or `vault/`, with `*` behind provider or service alone, or SERVICE:METHOD',
  is: (name) => isAction.test(name),
  fillers: ['x', '', 'x/x', 'X'],
  mend: (pattern) => (pattern.includes(':') ? pattern : pattern.toLowerCase()),
})
const namesProvider = (pattern: string) => /^[^*]*[/:]/.test(pattern)

/** One that named no provider would be for role assignments, too: whoever grants that says so. */
const action: SampledForm = {
  ...named,
  witness: (pattern) => (namesProvider(pattern) ? named.witness(pattern) : undefined),
  possible: (pattern) => namesProvider(pattern) && named.possible(pattern),
}

const resource = formOf({
  rule: 'the resource (`GROUP/NAME` in lower case, `ACCOUNT/CONTAINER/BLOB`, `VAULT/SECRET`), other characters as %XX, or `~` where there is none',
  is: (name) =>
    name.length <= maxResourceChars && /^(?:[A-Za-z0-9._~!$&'()+,=:@/-]|%[0-9A-F]{2})+$/.test(name),
  fillers: ['x', ''],
  mend: (pattern) => pattern.replaceAll(/[^A-Za-z0-9._~!$&'()+,=:@/*%-]/g, (one) => encodeURIComponent(one)),
})

export const azure = {
  about:
    'An Azure subscription: grants name an action in the words of Azure’s RBAC and the resource: `azure:call prod/microsoft.web/sites/write@shop-rg/shop`.',
  transport: 'http',
  url: 'https://management.azure.com',
  basePath: '',
  byStandIn: true,
  rawTargets: true,
  serves: (_: KindSettings, url: string): readonly string[] => azureHosts(url),
  doors: doorsOf,
  path: { form: action, noun: 'action', example: 'microsoft.web/sites/read' },
  ref: { form: resource, noun: 'resource', example: 'group/name' },
  // Names of blobs alone are taken as they are written.
  refBehind: (path, ref) =>
    /^(?:blob|queue|table|file|dfs)[/:]/.test(path) ? ref : ref.replaceAll(/(%[0-9A-F]{2})|[A-Z]/g, lower),
  settings: ['tenant', 'subscription'],
  needs: ['tenant', 'subscription'],
  tells: ['tenant', 'subscription'],
  credentials: ['bearer', 'azure-app'],
  actions: {
    // What changes nothing, and hands out no secret.
    'azure:read': { path: 'required', ref: 'optional', write: false },
    'azure:call': { path: 'required', ref: 'optional', write: true, includes: ['azure:read'] },
  },
  variables(connections, inside): Readonly<Record<string, string>> {
    const [first] = connections
    if (first === undefined) return {}
    const { tenant = '', subscription = '' } = first.settings ?? {}
    return {
      ...{ AZURE_CLIENT_ID: azureClientId, AZURE_TENANT_ID: tenant, AZURE_SUBSCRIPTION_ID: subscription },
      AZURE_AUTHORITY_HOST: `https://${azureCloudOf(first.url).login}/`,
      // As a machine of Azure has it.
      IDENTITY_ENDPOINT: `https://${azureCloudOf(first.url).login}/msi/token`,
      IDENTITY_HEADER: azureStandIn(first.name),
      ...{ ARM_CLIENT_ID: azureClientId, ARM_TENANT_ID: tenant, ARM_SUBSCRIPTION_ID: subscription },
      ...{ ARM_USE_OIDC: 'true', ARM_OIDC_TOKEN_FILE_PATH: `${inside.settings}/${tokenFile(first)}` },
      // Keys of storage accounts are refused: logins of Entra ID are what is left.
      ...{ ARM_USE_AZUREAD: 'true', ARM_STORAGE_USE_AZUREAD: 'true', AZURE_STORAGE_AUTH_MODE: 'login' },
      // The one that was installed is not asked whether there is a newer one, and nobody is told what was run.
      ...{ AZURE_CORE_COLLECT_TELEMETRY: 'false', AZURE_CORE_SURVEY_MESSAGE: 'false' },
    }
  },
  settingsFiles: (connections) => connections.map(fileOf),
} as const satisfies Kind

function lower(one: string, escape?: string): string {
  return escape ?? one.toLowerCase()
}

/** Whom tools log in as. The gateway asks Microsoft Entra ID for tokens of the application that the connection names. */
export const azureClientId = '6d617966-6c79-4000-8000-000000000000'

const standIn = 'mayfly-stand-in-'

/** What tools log in with in a step: it opens nothing, and says which connection is meant. */
export function azureStandIn(connection: string): string {
  return `${standIn}${connection}`
}

/** The connection that a stand-in is for; undefined for anything else. */
export function azureStandsFor(text: string): string | undefined {
  return /^mayfly-stand-in-([a-z0-9-]{1,200})$/.exec(text)?.[1]
}

function tokenFile({ name }: KnownConnection): string {
  return `azure-${name}-token`
}

/** A federated token: the gateway answers at Microsoft Entra ID’s token endpoint itself. The first is what tools take that are told none. */
function fileOf(connection: KnownConnection, index: number): SettingsFile {
  return {
    name: tokenFile(connection),
    ...(index === 0 ? { variable: 'AZURE_FEDERATED_TOKEN_FILE' } : {}),
    text: azureStandIn(connection.name),
  }
}

const grantForm =
  /^azure:[a-z]+ (?<connection>[^\s/]+)\/(?<service>[a-z]+)[/:][^@]*@(?<of>[a-z0-9-]{3,24})(?:$|[/])/

/** Where tools get their token, and the accounts and vaults that the grants write out. */
function doorsOf({ name, url }: KnownConnection, grants: readonly string[]): string[] {
  const hosts = grants.flatMap((grant) => {
    const { connection, service = '', of = '' } = grantForm.exec(grant)?.groups ?? {}
    return connection === name && isOfHost(service) ? [azureHost({ service, of }, url)] : []
  })
  return [...new Set([azureHost({ service: 'login', of: '' }, url), ...hosts])]
}

function isOfHost(service: string): service is Exclude<AzureService, 'arm' | 'login'> {
  return services.split('|').includes(service)
}
