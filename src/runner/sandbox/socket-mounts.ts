import { lstatSync, readFileSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { emptyFile } from './inside.ts'
import type { SandboxPlan } from './plan.ts'

/**
 * Mounts that hide sockets of the machine's programs in what the step sees: a Unix socket with a path can be connected to
 * through a read-only mount and from another network namespace, so a daemon with its socket in the workspace, or among the
 * tools, would be a way out. Only of programs that listen now; what a dead one left is a file as any other.
 */
export function socketMounts(
  plan: Pick<SandboxPlan, 'workspace' | 'workspaceInside' | 'folders' | 'tools' | 'files'>,
): string[] {
  const seen = [
    { outside: plan.workspace, inside: plan.workspaceInside },
    ...plan.folders,
    ...plan.tools.map((path) => ({ outside: path, inside: path })),
  ]
  const hidden = boundSockets().flatMap((path) =>
    seen
      .map(({ outside, inside }) => ({ below: relative(outside, path), inside }))
      .filter(({ below }) => !below.startsWith('..'))
      .map(({ below, inside }) => join(inside, below)),
  )
  return [...new Set(hidden)].flatMap((path) => ['--ro-bind', join(plan.files, emptyFile), path])
}

/** Where sockets with a path are bound in the supervisor's network namespace (proc_pid_net(5), `unix`). */
function boundSockets(): string[] {
  return [...readUnixTable().matchAll(/ (\/.*)$/gm)].flatMap(([, path = '']) => {
    try {
      const real = realpathSync(path)
      return lstatSync(real).isSocket() ? [real] : []
    } catch {
      // Gone, or not for this user to see.
      return []
    }
  })
}

function readUnixTable(): string {
  try {
    return readFileSync('/proc/net/unix', 'utf8')
  } catch {
    return ''
  }
}
