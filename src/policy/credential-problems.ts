import type { PolicyDocument } from '../config/index.ts'
import {
  githubAppReach,
  isCredentialAction,
  isIssuer,
  registryTokenProblem,
  type CredentialScheme,
} from '../kinds/index.ts'
import type { Grant } from './grant.ts'

/** Why a grant hands nothing out that works, in one line: what is kept in the vault is handed to nobody. */
export function undeliveredIn(
  { connections }: PolicyDocument,
  { source, action, connection }: Grant,
): string | undefined {
  if (!isCredentialAction(action)) return undefined
  const { credential, deliver } = connections[connection] ?? {}
  const scheme = Object.keys(credential ?? {})[0] as CredentialScheme | undefined
  if (scheme === undefined || !isIssuer(scheme))
    return `"${source}" would hand out ${scheme === undefined ? 'a credential, and connection' : `the kept ${scheme} credential of connection`} "${connection}"${scheme === undefined ? ' has none' : ''}: only one that is made for the step can be handed to it`
  if (deliver === undefined)
    return `"${source}" hands nothing out: say in connections.${connection}.deliver what the step gets of it`
  const texts = [...Object.values(deliver.env), ...Object.values(deliver.files)]
  // Docker and its like send what a helper says to the registry's token server, which knows it not.
  return scheme === 'registry-token' && !texts.some((text) => text.includes('{token}'))
    ? `"${source}" hands out what no helper's tool can use: a token that Mayfly signs itself is shown to the registry as it is; go through the gateway, or give it to a tool that takes it so in connections.${connection}.deliver: { "registrytoken": "{token}" }`
    : undefined
}

/** Why no credential of this connection can be made for a role with these grants on it, in one line; undefined if one can. */
export function unmintableIn(
  { connections }: PolicyDocument,
  connection: string,
  grants: readonly string[],
): string | undefined {
  const { credential, url = '', kind } = connections[connection] ?? {}
  if (credential === undefined) return undefined
  if ('registry-token' in credential) return registryTokenProblem(grants)
  if (!('github-app' in credential)) return undefined
  const base = kind === 'git' ? new URL(url).pathname.replaceAll(/^\/+|\/+$/g, '') : ''
  const reach = githubAppReach(grants, { base, all: credential['github-app'].all_repositories === true })
  return typeof reach === 'string' ? reach : undefined
}

/** Why a grant allows what the connection's own certificate does not: a host forwards nothing for it then. */
export function unpermittedIn(
  { connections }: PolicyDocument,
  { source, action, connection }: Grant,
): string | undefined {
  const { credential } = connections[connection] ?? {}
  if (action !== 'ssh:forward' || credential === undefined || !('ssh-certificate' in credential))
    return undefined
  const { extensions } = credential['ssh-certificate']
  if (extensions === undefined || extensions.includes('permit-port-forwarding')) return undefined
  return `"${source}" needs permit-port-forwarding: add it to connections.${connection}.credential.ssh-certificate.extensions, or leave them out`
}
