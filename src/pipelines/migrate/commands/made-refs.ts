import type { MadeRefs } from '../model.ts'
import { plainWords, wordsWithout, type Command } from './command.ts'

/** Branches and tags that a script makes, or is on, by `git tag`, `git checkout -b` and their like: what a push of their names moves. */
export function madeRefs(commands: readonly Command[], before?: MadeRefs): MadeRefs {
  const tags = new Set(before?.tags)
  const branches = new Set(before?.branches)
  for (const { program, words } of commands) {
    if (program !== 'git') continue
    const at = words.findIndex((word) => /^(?:tag|branch|checkout|switch|worktree)$/.test(word))
    const rest = words.slice(at + 1)
    const isAsking = rest.some((word) =>
      /^(?:-d|-D|--delete|-l|--list|-v|--verify|--contains|--points-at|--show-current)$/.test(word),
    )
    if (at === -1 || isAsking) continue
    const verb = words[at]
    if (verb === 'tag') {
      const [name] = plainWords(wordsWithout(rest, '-m', '--message', '-F', '--file', '-u', '--local-user'))
      if (name !== undefined) tags.add(name)
      continue
    }
    const made = rest.findIndex((word) => /^(?:-b|-B|-c|-C|--create|--orphan)$/.test(word))
    const [first] = plainWords(rest)
    const name = made === -1 ? (verb === 'worktree' ? undefined : first) : rest[made + 1]
    if (name !== undefined && name !== '.' && !rest.includes('--')) branches.add(name)
  }
  return { tags, branches }
}

/** `TAG=deployed-$N; git push origin "$TAG"`: what a variable was set to, where the script says it once. */
export function valueOf(word: string, script: string): string {
  const [, braced, plain] = /^\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))$/.exec(word) ?? []
  const name = braced ?? plain
  if (name === undefined) return word
  const set = [
    ...script.matchAll(
      new RegExp(`(?:^|[\\s;&|])(?:export\\s+)?${name}=(?:"([^"\\n]*)"|'([^'\\n]*)'|([^\\s;&|]+))`, 'g'),
    ),
  ]
  const [one, ...others] = set
  const value = one?.[1] ?? one?.[2] ?? one?.[3]
  return value === undefined || others.length > 0 || value.includes('$(') ? word : value
}
