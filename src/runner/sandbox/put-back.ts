import { join } from 'node:path'
import {
  existsInside,
  linkInside,
  lookThrough,
  protectionsOf,
  removeInside,
  type Protections,
} from '../workspace/index.ts'

/** What no step may change in a workspace that others share: read-only while it runs, and put back when it has ended. */
export interface Guarded extends Disposable {
  readonly protections: Protections
}

/**
 * Looks for it. When disposed of, it takes away each `commondir` that was not there before the step, which would send git to a folder of
 * the step's own for configuration and hooks (gitrepository-layout), also of a repository that the step makes at the top itself; and
 * puts back each link on the way to what is protected, over which nothing can be mounted.
 */
export function guardWorkspace(workspace: string, inUse: readonly string[]): Guarded {
  const found = lookThrough(workspace)
  const protections = protectionsOf(workspace, found, inUse)
  const repositories = new Set(['.git', ...found.repositories])
  const without = [...repositories].filter((folder) => !existsInside(workspace, join(folder, 'commondir')))
  return {
    protections,
    [Symbol.dispose]() {
      for (const folder of without) removeInside(workspace, folder, 'commondir')
      for (const { path, target } of protections.links) linkInside(workspace, path, target)
    },
  }
}
