import { join, relative } from 'node:path'
import { limits, messageOf } from '../lib/index.ts'
import type { ServerApi, StepGrant } from './api.ts'
import type { StepRequest } from './step-request.ts'
import { readInside } from './workspace/index.ts'

/** The lockfile's text, or undefined if there is none in the workspace that is a plain file and not too large. */
export function readWorkspaceLockfile(workspace: string, path: string): string | undefined {
  return readInside(workspace, relative(workspace, join(workspace, path)), limits.lockfileBytes)
}

/** Hands the lockfile over before the first request to a registry, once there is one. */
export function lockfileOnce(
  api: ServerApi,
  step: StepGrant,
  request: StepRequest,
  tell: (line: string) => void,
): () => Promise<void> {
  let handing: Promise<void> | undefined
  return () => {
    handing ??= (async () => {
      const text = readWorkspaceLockfile(request.workspace, request.lockfile)
      if (text === undefined) {
        handing = undefined
        return
      }
      await api
        .pinLockfile(step, text)
        .catch((error: unknown) => tell(`mayfly: ${request.lockfile} is not usable: ${messageOf(error)}`))
    })()
    return handing
  }
}
