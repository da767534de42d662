import { join, relative } from 'node:path'
import { limits } from '../lib/index.ts'
import { readInside } from './workspace/index.ts'

/** The lockfile's text, or undefined if there is none in the workspace that is a plain file and not too large. */
export function readWorkspaceLockfile(workspace: string, path: string): string | undefined {
  return readInside(workspace, relative(workspace, join(workspace, path)), limits.lockfileBytes)
}
