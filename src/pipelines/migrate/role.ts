import type { PipelineFile } from '../model.ts'
import { programsOf } from './commands/index.ts'
import type { Host, MovedRole, Need } from './model.ts'

/** A role with these needs; what it reaches by a connection is no host of its own. */
export function roleOf(
  name: string,
  description: string,
  trust: MovedRole['trust'],
  needs: readonly Need[],
  steps: readonly { readonly hosts: readonly Host[] }[],
): MovedRole {
  const credentialed = new Set(
    needs.flatMap(({ url }) =>
      url === undefined || !URL.canParse(url) ? [] : [`${new URL(url).hostname}:443`],
    ),
  )
  const hosts = [...new Set(steps.flatMap((step) => step.hosts))].filter((host) => !credentialed.has(host))
  return { name, description, trust, needs, hosts, allow: [] }
}

/** It tags and pushes what the commit has: a clean checkout of its own is all that it needs. */
export function isGitOnly({ script }: { readonly script: string }): boolean {
  const lines = behindGit(script, /\n/)
  return (
    lines.some((rest) => /\bpush\b/.test(rest)) &&
    programsOf(script).every((program) => /^(?:git|echo|set|printf|export|test|\[|true)$/.test(program)) &&
    !lines.some((rest) =>
      /\b(?:add|commit|config|merge|rebase|reset|cherry-pick|am|apply|checkout|switch)\b/.test(rest),
    ) &&
    // Without a ref the branch that is checked out is pushed: a clean checkout of the commit is on none.
    !behindGit(script, /[\n;&|]/).some((rest) => /\bpush(?:[ \t]+(?:-\S+|origin))*[ \t]*$/.test(rest))
  )
}

/** What stands behind the first `git` of each part: one pass, where a pattern over both words would take one for each `git`. */
function behindGit(script: string, between: RegExp): string[] {
  return script.split(between).flatMap((part) => {
    const at = part.search(/\bgit\b/)
    return at === -1 ? [] : [part.slice(at + 'git'.length)]
  })
}

/** By the file and the job, as the configuration takes names. `stem`: undefined where the CI has one file alone. */
export function roleName(stem: string | undefined, job: string): string {
  const name = stem === undefined || plain(job) === plain(stem) ? plain(job) : `${plain(stem)}-${plain(job)}`
  return (/^[a-z]/.test(name) ? name : `job-${name}`).slice(0, 52).replace(/-+$/, '')
}

/**
 * A name for each, by its key: its own, or with a number where another one has that already, or its `-build`. What is called alike would
 * else have one role, which trusts and grants what either of them needs.
 */
export function distinctNames(
  all: readonly { readonly key: string; readonly name: string }[],
  taken: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, string> {
  const used = new Set(taken)
  const names = new Map<string, string>()
  for (const { key, name } of all) {
    if (names.has(key)) continue
    const isFree = (one: string) => !used.has(one) && !used.has(`${one}-build`)
    let own = name
    for (let number = 2; !isFree(own); number++) own = `${name}-${number}`
    used.add(own).add(`${own}-build`)
    names.set(key, own)
  }
  return names
}

export function stemOf({ path }: PipelineFile): string {
  return (path.split('/').at(-1) ?? '').replace(/\.ya?ml$/, '')
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
}
