import type { Declared, FindSecrets, FoundSecret } from './file-parts.ts'
import { looksSecret } from './secret-names.ts'
import { shellSecrets } from './shell-variables.ts'

/** Secrets of CircleCI: contexts, SSH keys of the project, variables of project and context with names of secrets. */
export function circleciSecrets(declared: Declared): FindSecrets {
  return (source, { text, path }, inCommand) => {
    const key = path.at(-1) ?? ''
    const certain = { span: text.span, certain: true, inCommand: false } as const
    if (key === 'context' && path.includes('workflows'))
      return [{ name: text.value, store: 'context', ...certain }]
    if (key === 'fingerprints') return [{ name: `SSH key ${text.value}`, store: 'credential', ...certain }]
    const isSet = ['environment', 'auth', 'aws_auth'].includes(path.at(-2) ?? '')
    const about = { inCommand, ...(isSet ? { target: key } : {}) }
    return [...byName(path, text, declared), ...shellSecrets(source, text, declared, about)]
  }
}

/** Orbs take the name of a variable (`env_var_name`) rather than its value. */
function byName(
  path: readonly string[],
  { value, span }: Parameters<FindSecrets>[1]['text'],
  declared: Declared,
): FoundSecret[] {
  const key = path.at(-1) ?? ''
  const isParameter = path.some((one) => one.includes('/')) && /^[A-Z][A-Z0-9_]{2,199}$/.test(value)
  if (!isParameter || declared.has(value) || !(looksSecret(value) || looksSecret(key))) return []
  return [{ name: value, store: 'variable', span, certain: false, target: key, inCommand: false }]
}
