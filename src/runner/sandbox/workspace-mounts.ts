import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { Cover } from '../workspace/index.ts'
import { coverFile, emptyFolder } from './inside.ts'

/** Files of the workspace through which one step could run code in the next, or change the pipeline. */
const protectedFiles = ['.github/workflows', '.gitlab-ci.yml', '.mayfly']
const gitFiles = ['config', 'config.worktree', 'hooks']

/** Submodules deeper or more than that are not looked for. */
const maxModuleDepth = 6
const maxModules = 200

/**
 * Options of bwrap that make them read-only. No step runs in the workspace now (`lockWorkspaces`), so nobody can swap a
 * file between this look and the mount. A link is not followed: it would be the last step's way to have any file of the
 * host bound.
 */
export function workspaceMounts(workspace: string): string[] {
  const bound = new Set<string>()
  const bindOnce = (folder: string) => {
    if (bound.has(folder)) return []
    bound.add(folder)
    return ['--bind', folder, folder]
  }
  return namesIn(workspace).flatMap((name) => {
    const parts = name.split('/')
    if (!parts.every((_, i) => isPlain(join(workspace, ...parts.slice(0, i + 1))))) return []
    // The folders above become mount points, too: what is none can be renamed and made anew around the file.
    const above = parts.slice(0, -1).map((_, i) => join(workspace, ...parts.slice(0, i + 1)))
    const path = join(workspace, name)
    return [...above.flatMap((folder) => bindOnce(folder)), '--ro-bind', path, path]
  })
}

/** Options that put the covers over what they hide. */
export function coverMounts(plan: { workspace: string; files: string; covers: readonly Cover[] }): string[] {
  return plan.covers.flatMap(({ path, text }, i) => [
    '--ro-bind',
    join(plan.files, text === undefined ? emptyFolder : coverFile(i)),
    join(plan.workspace, path),
  ])
}

function namesIn(workspace: string): string[] {
  const git = lookAt(join(workspace, '.git'))
  // Of a worktree or submodule it is a file that says where the repository is.
  if (git?.isFile() === true) return [...protectedFiles, '.git']
  if (git?.isDirectory() !== true) return protectedFiles
  const repositories = ['.git', ...modulesIn(join(workspace, '.git/modules'), '.git/modules')]
  return [...protectedFiles, ...repositories.flatMap((path) => gitFiles.map((name) => `${path}/${name}`))]
}

function modulesIn(folder: string, name: string, depth = 0): string[] {
  if (depth === maxModuleDepth || lookAt(folder)?.isDirectory() !== true) return []
  // A name may hold slashes, so a repository is a folder with a HEAD, and may have modules of its own.
  if (isPlain(join(folder, 'HEAD')))
    return [name, ...modulesIn(join(folder, 'modules'), `${name}/modules`, depth + 1)]
  return readdirSync(folder)
    .flatMap((entry) => modulesIn(join(folder, entry), `${name}/${entry}`, depth + 1))
    .slice(0, maxModules)
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
