import type { Declared, FindSecrets, FoundSecret } from './file-parts.ts'
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
export function gitlabSecrets(declared: Declared): FindSecrets {
  return (source, { text, path }, inCommand) => {
    const [kind, name] = path.slice(-4, -1).includes('secrets') ? path.slice(path.lastIndexOf('secrets')) : []
    if (kind === 'secrets' && name !== undefined && path[0] !== 'variables')
      return [{ name, store: 'external', span: text.span, certain: true, inCommand: false }]
    const at = path.lastIndexOf('variables')
    // `NAME: value`, or `NAME: { value: ... }`.
    const isValue = at === path.length - 2 || (at === path.length - 3 && path.at(-1) === 'value')
    const target = at === -1 ? ofAnchor(path) : isValue ? path[at + 1] : undefined
    // What a rule gives the job is a variable like any other.
    const isGiven = at !== -1 && target !== undefined && path[at - 1] === 'rules'
    if (!isGiven && path.some((one) => notRead.has(one))) return []
    return shellSecrets(source, text, declared, {
      inCommand,
      ...(target === undefined ? {} : { target }),
    }) satisfies FoundSecret[]
  }
}

/** `.keys: &keys { AWS_SECRET_ACCESS_KEY: $KEY }`: variables that jobs take by an alias stand under a name of their own. */
function ofAnchor(path: readonly string[]): string | undefined {
  const name = path.at(-1) === 'value' ? path.at(-2) : path.at(-1)
  return name !== undefined && /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(name) ? name : undefined
}
