import { lstatSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { lookThrough, type Found } from '../workspace/index.ts'
import { coverFile, emptyFolder } from './inside.ts'
import type { SandboxPlan } from './plan.ts'

/** Files of the workspace through which one step could run code in the next, or change the pipeline. */
const protectedFiles = ['.github/workflows', '.gitlab-ci.yml', '.mayfly']
const gitFiles = ['config', 'config.worktree', 'hooks']

/**
 * Options of bwrap that make them read-only. No step runs in the workspace now (`lockWorkspaces`), so nobody can swap a
 * file between this look and the mount. A link is not followed: it would be the last step's way to have any file of the
 * host bound.
 */
export function workspaceMounts(
  plan: Pick<SandboxPlan, 'workspace' | 'workspaceInside' | 'files'>,
): string[] {
  const { workspace, workspaceInside, files } = plan
  const found = lookThrough(workspace)
  const bound = new Set<string>()
  const bindOnce = (folder: string) => {
    if (bound.has(folder)) return []
    bound.add(folder)
    return ['--bind', join(workspace, folder), join(workspaceInside, folder)]
  }
  const over = (name: string, source: string) => {
    const parts = name.split('/')
    // The folders above become mount points, too: what is none can be renamed and made anew around the file.
    const above = parts.slice(0, -1).map((_, i) => join(...parts.slice(0, i + 1)))
    if (!above.every((folder) => isPlain(join(workspace, folder)))) return []
    return [...above.flatMap((folder) => bindOnce(folder)), '--ro-bind', source, join(workspaceInside, name)]
  }
  const there = namesIn(found).filter((name) => isPlain(join(workspace, name)))
  // Where a repository has no hooks, nobody makes any: an empty folder stays behind, in which Git sees none.
  const withoutHooks = found.repositories
    .map((folder) => join(folder, 'hooks'))
    .filter((name) => lookAt(join(workspace, name)) === undefined)
  return [
    ...there.flatMap((name) => over(name, join(workspace, name))),
    ...withoutHooks.flatMap((name) => over(name, join(files, emptyFolder))),
  ]
}

/** Options that put the covers over what they hide. */
export function coverMounts(plan: Pick<SandboxPlan, 'workspaceInside' | 'files' | 'covers'>): string[] {
  return plan.covers.flatMap(({ path, text }, i) => [
    '--ro-bind',
    join(plan.files, text === undefined ? emptyFolder : coverFile(i)),
    join(plan.workspaceInside, path),
  ])
}

function namesIn({ repositories, pointers }: Found): string[] {
  const ofGit = repositories.flatMap((folder) => gitFiles.map((name) => join(folder, name)))
  return [...protectedFiles, ...pointers, ...ofGit]
}

function isPlain(path: string): boolean {
  const stat = lookAt(path)
  return stat?.isFile() === true || stat?.isDirectory() === true
}

/** undefined also where a file stands in the place of a folder on the way. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}
