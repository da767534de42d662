/** What a token of Microsoft Entra ID can be for. */
export type AzureAudience = 'management' | 'storage' | 'vault'

/** A host of Azure: which service it is, and of whom; `of` is a storage account or a vault. */
export interface AzurePlace {
  readonly service: AzureService
  readonly of: string
}

const storageServices = ['blob', 'queue', 'table', 'file', 'dfs'] as const
type StorageService = (typeof storageServices)[number]
/** `arm` is Azure Resource Manager, `login` Microsoft Entra ID. */
export type AzureService = StorageService | 'arm' | 'vault' | 'login'

/** Azure is there more than once, each with its own domains; a connection's URL says which one is meant. */
interface AzureCloud {
  readonly management: string
  readonly login: string
  readonly storage: string
  readonly vault: string
}

const publicCloud: AzureCloud = {
  management: 'management.azure.com',
  login: 'login.microsoftonline.com',
  storage: 'core.windows.net',
  vault: 'vault.azure.net',
}

const clouds: readonly AzureCloud[] = [
  publicCloud,
  {
    management: 'management.usgovcloudapi.net',
    login: 'login.microsoftonline.us',
    storage: 'core.usgovcloudapi.net',
    vault: 'vault.usgovcloudapi.net',
  },
  {
    management: 'management.chinacloudapi.cn',
    login: 'login.chinacloudapi.cn',
    storage: 'core.chinacloudapi.cn',
    vault: 'vault.azure.cn',
  },
]

export function azureCloudOf(url: string): AzureCloud {
  const { hostname } = new URL(url)
  return clouds.find(({ management }) => management === hostname) ?? publicCloud
}

export function azureHosts(url: string): readonly string[] {
  const { login, storage, vault } = azureCloudOf(url)
  return [login, ...storageServices.map((service) => `*.${service}.${storage}`), `*.${vault}`]
}

export function azureHost({ service, of }: AzurePlace, url: string): string {
  const { login, storage, vault } = azureCloudOf(url)
  if (service === 'login') return login
  if (service === 'arm') return new URL(url).hostname
  return service === 'vault' ? `${of}.${vault}` : `${of}.${service}.${storage}`
}

/** Undefined for a host that no service is known by. A read-only copy of an account (`NAME-secondary`) is the account. */
export function azurePlaceOf(host: string, url: string): AzurePlace | undefined {
  const { login, storage, vault } = azureCloudOf(url)
  if (host === new URL(url).hostname) return { service: 'arm', of: '' }
  if (host === login) return { service: 'login', of: '' }
  const name = host.split('.')[0] ?? ''
  if (host === `${name}.${vault}`)
    return /^[a-z0-9-]{3,24}$/.test(name) ? { service: 'vault', of: name } : undefined
  const service = storageServices.find((one) => host === `${name}.${one}.${storage}`)
  const of = name.replace(/-secondary$/, '')
  return service !== undefined && /^[a-z0-9]{3,24}$/.test(of) ? { service, of } : undefined
}

const audiences: Readonly<Record<AzureService, AzureAudience>> = {
  ...{ arm: 'management', login: 'management', vault: 'vault' },
  ...{ blob: 'storage', queue: 'storage', table: 'storage', file: 'storage', dfs: 'storage' },
}

/** Whom a host of the service wants a token for. */
export function azureAudienceOf(service: AzureService): AzureAudience {
  return audiences[service]
}

/** As Microsoft Entra ID is asked for it. */
export function azureScope(audience: AzureAudience, url: string): string {
  const { management, vault } = azureCloudOf(url)
  const resource = { management, storage: 'storage.azure.com', vault }[audience]
  return `https://${resource}/.default`
}

/** What the grants of one connection (as written) need tokens for, so that no other is asked for. */
export function azureAudiencesOf(grants: readonly string[]): readonly AzureAudience[] {
  const needed = grants.flatMap((grant) => {
    const word = /^azure:[a-z]+ [^\s/]+\/([a-z]+)[/:]/.exec(grant)?.[1]
    const known = Object.entries(audiences).find(([service]) => service === word)?.[1]
    return /^azure:(?:read|call) /.test(grant) ? [known ?? 'management'] : []
  })
  return [...new Set(needed)].toSorted()
}
