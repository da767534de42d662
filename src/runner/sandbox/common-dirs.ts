import { join } from 'node:path'
import { existsInside, removeInside, type Found } from '../workspace/index.ts'

/**
 * When disposed of, takes away each `commondir` that was not there before the step: it would send git to a folder of the step's
 * own for configuration and hooks (gitrepository-layout). Also of a repository that the step makes at the top itself.
 */
export function withoutNewCommonDirs(workspace: string, found: Found | undefined): Disposable {
  const repositories = new Set(found === undefined ? [] : ['.git', ...found.repositories])
  const without = [...repositories].filter((folder) => !existsInside(workspace, join(folder, 'commondir')))
  return {
    [Symbol.dispose]() {
      for (const folder of without) removeInside(workspace, folder, 'commondir')
    },
  }
}
