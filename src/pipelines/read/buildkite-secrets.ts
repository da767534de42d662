import type { Declared, FindSecrets, FoundSecret } from './file-parts.ts'
import { matchesIn } from './matches.ts'
import { shellSecrets } from './shell-variables.ts'

const asked = /\bbuildkite-agent\s+secret\s+get\s+["']?([\w-]{1,200})/g

/** Secrets of a Buildkite pipeline: `secrets:`, `buildkite-agent secret get`, variables of agents with names of secrets. */
export function buildkiteSecrets(declared: Declared): FindSecrets {
  return (source, { text, path }, inCommand) => {
    const at = path.lastIndexOf('secrets')
    const above = path.slice(0, Math.max(at, 0))
    const isList = at !== -1 && at === path.length - 1
    if (at !== -1 && !above.includes('env') && (isList || at === path.length - 2))
      return [
        {
          name: text.value,
          store: 'secret',
          span: text.span,
          certain: true,
          inCommand: false,
          target: isList ? text.value : (path.at(-1) ?? text.value),
        },
      ]
    const target = path.at(-2) === 'env' ? path.at(-1) : undefined
    const got = matchesIn(source, text, asked).map(({ groups: [, name = ''], span }): FoundSecret => ({
      name,
      store: 'secret',
      span,
      certain: true,
      inCommand,
    }))
    const about = { inCommand, ...(target === undefined ? {} : { target }) }
    const named =
      path.includes('plugins') && path.at(-1)?.endsWith('-env') === true ? pluginVariable(text, declared) : []
    return [...got, ...named, ...shellSecrets(source, text, declared, about)]
  }
}

/** `password-env: NAME` of a plugin says which variable has the secret. */
function pluginVariable(
  { value, span }: Parameters<FindSecrets>[1]['text'],
  declared: Declared,
): FoundSecret[] {
  if (!/^[A-Za-z_]\w{0,199}$/.test(value) || declared.has(value)) return []
  return [{ name: value, store: 'variable', span, certain: true, inCommand: false }]
}
