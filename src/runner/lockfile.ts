import { join, relative } from 'node:path'
import { kindNamed, kindNames } from '../kinds/index.ts'
import { limits, messageOf } from '../lib/index.ts'
import { packLockfiles } from '../lockfiles/bundle.ts'
import type { Lockfile } from '../lockfiles/index.ts'
import type { ServerApi, StepGrant } from './api.ts'
import type { StepRequest } from './step-request.ts'
import { readInside } from './workspace/index.ts'

/** The lockfile's text, or undefined if there is none in the workspace that is a plain file and not too large. */
export function readWorkspaceLockfile(workspace: string, path: string): string | undefined {
  return readInside(workspace, relative(workspace, join(workspace, path)), limits.lockfileBytes)
}

/** Hands the lockfiles over before the first request to a registry, once there are some. */
export function lockfilesOnce(
  api: ServerApi,
  step: StepGrant,
  request: StepRequest,
  tell: (line: string) => void,
): () => Promise<void> {
  let handing: Promise<void> | undefined
  return () => {
    handing ??= (async () => {
      const files = lockfilesOf(step, request)
      if (files.length === 0) {
        handing = undefined
        return
      }
      await api
        .pinLockfiles(step, packLockfiles(files))
        .catch((error: unknown) =>
          tell(`mayfly: ${files.map(({ path }) => path).join(', ')}: not usable: ${messageOf(error)}`),
        )
    })()
    return handing
  }
}

/** The one that was named, and what the kinds of the role's connections call theirs. */
function lockfilesOf(step: StepGrant, { workspace, lockfile }: StepRequest): Lockfile[] {
  const ofKinds = kindNames
    .filter((name) => step.connections.some(({ kind }) => kind === name))
    .flatMap((name) => kindNamed(name).lockfiles ?? [])
  return [...new Set([lockfile, ...ofKinds])].flatMap((path) => {
    const text = readWorkspaceLockfile(workspace, path)
    return text === undefined ? [] : [{ path, text }]
  })
}
