import type { Declared, FindSecrets, FoundSecret } from './file-parts.ts'
import { matchesIn } from './matches.ts'
import { looksSecret } from './secret-names.ts'
import { isFilling, shellSecrets } from './shell-variables.ts'

/** `$(X)`, `$[variables.X]`, `$[variables['X']]`, `${{ variables.X }}`. */
const variable =
  /\$\(([A-Za-z_][\w.-]{0,199})\)|\bvariables(?:\.([A-Za-z_][\w.-]{0,199})|\['([^'\]]{1,200})'\])/g

/** Inputs of tasks that name a service connection: an entry of the project's own store of credentials. */
const connections =
  /^(?:azureSubscription|connectedServiceName(?:ARM)?|azureResourceManagerConnection|dockerRegistryServiceConnection|dockerRegistryEndpoint|containerRegistry|kubernetesServiceConnection|kubernetesServiceEndpoint|awsCredentials|sshEndpoint|serviceConnection|endpoint|publishEndpoint|publishFeedCredentials|nuGetServiceConnections|externalEndpoint|customEndpoint|pythonUploadServiceConnection|GitHubConnection|gitHubConnection|SonarQube|SonarCloud)$/i

/** Secrets of an Azure pipeline: macros with names of secrets, variable groups, secure files, service connections. */
export function azureSecrets(declared: Declared): FindSecrets {
  return (source, { text, path }, inCommand) => {
    const key = path.at(-1) ?? ''
    const certain = { span: text.span, certain: true, inCommand: false } as const
    if (key === 'group' && path.at(-2) === 'variables')
      return [{ name: text.value, store: 'group', ...certain }]
    if (key === 'secureFile') return [{ name: text.value, store: 'file', ...certain }]
    if (connections.test(key) && path.at(-2) === 'inputs')
      return [{ name: text.value, store: 'credential', target: key, ...certain }]
    const target: { readonly target?: string } = ['env', 'inputs', 'variables', 'parameters'].includes(
      path.at(-2) ?? '',
    )
      ? { target: key }
      : {}
    const macros = matchesIn(source, text, variable).flatMap(({ groups, span }): FoundSecret[] => {
      const name = groups[1] ?? groups[2] ?? groups[3] ?? ''
      const isSecret = looksSecret(name) || isFilling(name, text.value, target.target, declared)
      if (declared.has(name) || !isSecret) return []
      return [{ name, store: 'variable', span, certain: false, inCommand, ...target }]
    })
    return inCommand ? macros : [...macros, ...shellSecrets(source, text, declared, { inCommand, ...target })]
  }
}
