import { durationSeconds, secretName, secretReference, type CredentialSchema } from '../config/index.ts'
import type { IssuerName, KindName } from '../kinds/index.ts'

/** A secret of the vault that the gateway writes into requests. */
export type InjectedCredential =
  | { readonly scheme: 'basic' | 'bearer' | 'ssh-key'; readonly secret: string }
  | { readonly scheme: 'header'; readonly secret: string; readonly name: string; readonly prefix: string }
  | { readonly scheme: 'query'; readonly secret: string; readonly name: string }

/** What an issuer needs, as mayfly.yaml has it. */
export type IssuerConfig<Name extends IssuerName> = Name extends IssuerName
  ? Extract<CredentialSchema, Record<Name, unknown>>[Name]
  : never

/** A credential that an issuer makes for one step. */
export type MintedCredentialConfig = {
  [Name in IssuerName]: { readonly scheme: Name; readonly config: IssuerConfig<Name> }
}[IssuerName]

export type CredentialConfig = InjectedCredential | MintedCredentialConfig

export function isMinted(credential: CredentialConfig): credential is MintedCredentialConfig {
  return 'config' in credential
}

/** How long one lives at most; undefined where that is left to the step. */
export function longestSecondsOf({ config }: MintedCredentialConfig): number | undefined {
  return 'ttl' in config && config.ttl !== undefined ? durationSeconds(config.ttl) : undefined
}

export function compileCredential(credential: CredentialSchema | undefined): CredentialConfig | undefined {
  if (credential === undefined) return undefined
  if ('basic' in credential) return { scheme: 'basic', secret: secretName(credential.basic) }
  if ('ssh-key' in credential) return { scheme: 'ssh-key', secret: secretName(credential['ssh-key']) }
  if ('bearer' in credential) return { scheme: 'bearer', secret: secretName(credential.bearer) }
  if ('query' in credential) {
    const { name, secret } = credential.query
    return { scheme: 'query', secret: secretName(secret), name }
  }
  if ('header' in credential) {
    const { name, secret, prefix = '' } = credential.header
    return { scheme: 'header', secret: secretName(secret), name: name.toLowerCase(), prefix }
  }
  // The schema lets one issuer through, with what it needs.
  const [scheme, config] = Object.entries(credential)[0] ?? []
  return { scheme, config } as MintedCredentialConfig
}

/** Why nobody could say what tokens of Microsoft Entra ID are for, or two would; undefined if one does. */
export function azureScopeProblem(
  kind: KindName,
  credential: CredentialConfig | undefined,
): string | undefined {
  if (credential?.scheme !== 'azure-app') return undefined
  const { scope } = credential.config
  if (kind === 'azure' && scope !== undefined)
    return 'azure-app of a connection of kind azure takes no scope: its grants say what tokens are for'
  return kind === 'http' && scope === undefined
    ? 'azure-app of a connection of kind http needs the scope that its API wants: scope: https://.../.default'
    : undefined
}

/** The secrets that a credential is, or is minted with. */
export function secretReferencesIn(credential: CredentialConfig | undefined): string[] {
  if (credential === undefined) return []
  return isMinted(credential) ? referencesIn(credential.config) : [credential.secret]
}

function referencesIn(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(referencesIn)
  return typeof value === 'string' && secretReference.safeParse(value).success ? [secretName(value)] : []
}
