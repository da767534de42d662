import type { FindSecrets, FoundSecret } from './file-parts.ts'
import { shellSecrets } from './shell-variables.ts'

/** Names under which a text is no place where a variable is read for its value. */
const notRead = new Set([
  'rules',
  'only',
  'except',
  'workflow',
  'description',
  'stage',
  'stages',
  'tags',
  'needs',
])

/** Masked and hidden variables of a project or group, known by their names alone; and what GitLab asks a vault for. */
export function gitlabSecrets(declared: ReadonlySet<string>): FindSecrets {
  return (source, { text, path }, inCommand) => {
    const [kind, name] = path.slice(-4, -1).includes('secrets') ? path.slice(path.lastIndexOf('secrets')) : []
    if (kind === 'secrets' && name !== undefined && path[0] !== 'variables')
      return [{ name, store: 'external', span: text.span, certain: true, inCommand: false }]
    if (path.some((one) => notRead.has(one))) return []
    const target = path.at(-2) === 'variables' ? path.at(-1) : undefined
    return shellSecrets(source, text, declared, {
      inCommand,
      ...(target === undefined ? {} : { target }),
    }) satisfies FoundSecret[]
  }
}
