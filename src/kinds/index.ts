import { aws } from './aws.ts'
import { azure } from './azure.ts'
import { cargo } from './cargo.ts'
import { debian } from './debian.ts'
import { gcp } from './gcp.ts'
import { git } from './git.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import { go } from './go.ts'
import { http } from './http.ts'
import { kubernetes } from './kubernetes.ts'
import type { Action, CredentialScheme, IssuerName, Kind } from './kind.ts'
import { maven } from './maven.ts'
import { mysql } from './mysql.ts'
import { npm } from './npm.ts'
import { oci } from './oci.ts'
import { postgres } from './postgres.ts'
import { pypi } from './pypi.ts'
import { redis } from './redis.ts'
import { rubygems } from './rubygems.ts'
import { ssh } from './ssh.ts'
import { tcp } from './tcp.ts'

export type {
  CredentialScheme,
  IssuerName,
  Kind,
  KindSettings,
  KnownConnection,
  NamedForm,
  SettingsFile,
} from './kind.ts'
export { githubAppReach, partsOf, registryTokenProblem, type Reach } from './grant-parts.ts'
export { isDigest } from './oci.ts'
export { redisPath } from './redis.ts'
export { maxCommandChars } from './ssh.ts'
export { coreGroup, none, secretsGroup } from './kubernetes.ts'
export { isAwsReading } from './aws-reading.ts'
export { gcpStandIn, isGoogleHost } from './gcp.ts'
export { azureClientId, azureStandIn, azureStandsFor } from './azure.ts'
export {
  azureAudienceOf,
  azureAudiencesOf,
  azureCloudOf,
  azurePlaceOf,
  azureScope,
  type AzureAudience,
  type AzurePlace,
} from './azure-hosts.ts'
export { shortArn, type AwsHome } from './aws-names.ts'
export { awsDomain, awsStandIn, globalServices, isAwsHost, oldHost } from './aws.ts'

/**
 * The kinds of connection: one file each, and one folder in `gateway/` that handles it. Whoever adds a protocol adds both.
 * Knows nothing of the rest.
 */
export const kinds = {
  aws,
  azure,
  cargo,
  debian,
  gcp,
  git,
  github,
  gitlab,
  go,
  http,
  kubernetes,
  maven,
  mysql,
  npm,
  oci,
  postgres,
  pypi,
  redis,
  rubygems,
  ssh,
  tcp,
} as const satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof kinds

/** The kinds whose handler is given HTTP requests, and those whose handler is given bytes. */
export type HttpKind = KindOf<'http'>
export type StreamKind = KindOf<'stream'>
type KindOf<T extends Kind['transport']> = {
  [K in KindName]: (typeof kinds)[K]['transport'] extends T ? K : never
}[KindName]

export function isStream(name: KindName): name is StreamKind {
  return kindNamed(name).transport === 'stream'
}

export const kindNames = Object.keys(kinds) as readonly KindName[]

export function kindNamed(name: KindName): Kind {
  return kinds[name]
}

/** Whoever has a credential in its own hands may do with it all that the credential can. */
const handOut: Action = { path: 'none', ref: 'none', write: true }

const injected: ReadonlySet<CredentialScheme> = new Set(['basic', 'bearer', 'header', 'query', 'ssh-key'])

/**
 * The action that hands a connection's credential to the step itself. Every kind has it whose connections can have a credential
 * that is made for the step; undefined for the others: what is kept in the vault is never handed out.
 */
export function credentialAction(kind: KindName): string | undefined {
  const { credentials, actions: all } = kindNamed(kind)
  // Its actions may have a shorter word for it: k8s.
  const word = Object.keys(all)[0]?.split(':')[0] ?? kind
  return credentials.some(isIssuer) ? `${word}:credential` : undefined
}

/** Does it make credentials, rather than add one that is kept? */
export function isIssuer(scheme: CredentialScheme): scheme is IssuerName {
  return !injected.has(scheme)
}

export function isCredentialAction(action: string): boolean {
  const kind = actions.get(action)?.kind
  return kind !== undefined && credentialAction(kind) === action
}

const actions: ReadonlyMap<string, Action & { readonly kind: KindName }> = new Map(
  kindNames.flatMap((kind) => {
    const handsOut = credentialAction(kind)
    const all = {
      ...kindNamed(kind).actions,
      ...(handsOut === undefined ? {} : { [handsOut]: handOut }),
    }
    return Object.entries(all).map(([name, action]) => [name, { ...action, kind }])
  }),
)

export const actionNames: readonly string[] = [...actions.keys()]

export function actionNamed(name: string): (Action & { readonly kind: KindName }) | undefined {
  return actions.get(name)
}

/** The kind of connection that the action is for; undefined if it is not known. */
export function kindOf(action: string): KindName | undefined {
  return actions.get(action)?.kind
}

/** The action for what lockfiles pin, of packages that have this type in package URLs; undefined where lockfiles pin nothing. */
export function pinnedAction(ecosystem: string): string | undefined {
  const kind = kindNames.map(kindNamed).find((one) => one.ecosystem === ecosystem)
  if (kind?.lockfiles === undefined) return undefined
  // The other one takes what no lockfile pins, and this with it.
  return Object.values(kind.actions).flatMap(({ path, includes = [] }) =>
    path === 'optional' ? includes : [],
  )[0]
}

/** What a grant of this action allows, itself first. */
export function actionsOf(action: string): readonly string[] {
  return [action, ...(actions.get(action)?.includes ?? [])]
}

/** Does the action change what it reaches? One that is not known is taken to. */
export function isWrite(action: string): boolean {
  return actions.get(action)?.write ?? true
}

/** Can a grant of this action be for less than the connection as a whole? */
export function namesPath(action: string): boolean {
  return actions.get(action)?.path !== 'none'
}

/** Can a grant of this action be limited to refs? */
export function namesRef(action: string): boolean {
  return (actions.get(action)?.ref ?? 'none') !== 'none'
}

/** Which of the two it will be is known only once the ref is named. */
export function decidedByRef(one: string, other: string): boolean {
  const [a, b] = [actions.get(one), actions.get(other)]
  return a !== undefined && a.kind === b?.kind && a.decidedByRef === true && b.decidedByRef === true
}
