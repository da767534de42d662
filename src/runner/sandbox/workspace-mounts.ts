import { join } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import type { Protections } from '../workspace/index.ts'
import { coverFile, emptyFile, emptyFolder } from './inside.ts'
import type { SandboxPlan } from './plan.ts'

/** bubblewrap takes 9,000 arguments in all. */
const maxMounts = 2_500

/**
 * Options of bwrap that make read-only what a step must not change. No other step begins in the workspace now (`JobWorkspaces`), so
 * nobody can swap a file between this look and the mount. A link is not followed: it would be the last step's way to have
 * any file of the host bound; the folder that it is in stays where it is. Throws `limit_exceeded` for more than can be protected.
 */
export function workspaceMounts(
  plan: Pick<SandboxPlan, 'workspace' | 'workspaceInside' | 'files'>,
  { fixed, links }: Protections,
): string[] {
  const { workspace, workspaceInside, files } = plan
  const bound = new Set<string>()
  // The folders above become mount points, too: what is none can be renamed and made anew around the file.
  const bindAbove = (path: string) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, i, parts) => parts.slice(0, i + 1).join('/'))
      .filter((folder) => !bound.has(folder) && bound.add(folder))
      .flatMap((folder) => ['--bind', join(workspace, folder), join(workspaceInside, folder)])
  const options = fixed.flatMap(({ path, missing }) => {
    const source =
      missing === undefined
        ? join(workspace, path)
        : join(files, missing === 'file' ? emptyFile : emptyFolder)
    return [...bindAbove(path), '--ro-bind', source, join(workspaceInside, path)]
  })
  options.push(...links.flatMap(({ path }) => bindAbove(path)))
  if (options.length > 3 * maxMounts)
    throw new MayflyError(
      'limit_exceeded',
      `there are more repositories in ${workspace} than can be protected: clean it, or give the step a workspace of its own (workspace: fresh)`,
    )
  return options
}

/** Options that put the covers over what they hide. */
export function coverMounts(plan: Pick<SandboxPlan, 'workspaceInside' | 'files' | 'covers'>): string[] {
  return plan.covers.flatMap(({ path, text }, i) => [
    '--ro-bind',
    join(plan.files, text === undefined ? emptyFolder : coverFile(i)),
    join(plan.workspaceInside, path),
  ])
}
