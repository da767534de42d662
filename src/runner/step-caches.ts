import { join } from 'node:path'
import { openCaches, type CacheReport } from './cache/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

/** Once its workspace is there: what a step may start with depends on the lockfile in it. */
export async function openStepCaches(deps: StepDeps, request: StepRequest, open: OpenStep): Promise<void> {
  const { session, cacheFolder, server, notices } = deps
  const role = session.roles.find(({ name }) => name === request.role)
  if (request.caches.length === 0 || role === undefined) return
  const tell = (line: string) => notices.tell(`mayfly: ${line}`)
  if (cacheFolder === undefined) return tell('there are no caches: this user has no home (XDG_CACHE_HOME)')
  const { caches: names, workspace, lockfile } = request
  open.caches = await openCaches({
    ...{ names, folder: join(cacheFolder, 'caches'), server, job: session.job, role },
    ...{ workspace, workspaceInside: request.workspaceInside ?? workspace, lockfile, tell },
  })
}

export async function closeCaches(open: OpenStep, succeeded: boolean): Promise<CacheReport[] | undefined> {
  const { caches } = open
  open.caches = undefined
  return await caches?.close(succeeded)
}
