import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../../config/environment.ts'
import { makeJobFolder, sweepJobFolders, type JobFolder } from './job-folder.ts'
import { createWorkspaceLock } from './lock.ts'
import { removeTree } from './remove-tree.ts'
import { workspaceId } from './workspace-id.ts'

/** The workspace of the job; one of the step's own; the job's for a role that writes, as was asked for by name. */
export type WorkspaceKind = 'job' | 'fresh' | 'shared'

/** Where one step runs. */
export interface StepWorkspace extends Disposable {
  readonly kind: WorkspaceKind
  /** Where it is, and where the step sees it. */
  readonly path: string
  readonly inside: string
  /** For the server, see `workspaceId`. */
  readonly id: string
}

/** The workspaces of one job: the one that it was started in, under lock, and fresh ones, which are gone with their steps. */
export interface JobWorkspaces extends AsyncDisposable {
  /** Waits until no other job runs in the job's own. Throws `conflict`. */
  take(): Promise<void>
  /** Lets other jobs into it while this one waits for people, unless a step of this one runs in there. */
  giveWay(): void
  /** Where a step runs; disposed of when all its processes are gone. `workspace` is the job's. */
  open(kind: WorkspaceKind, workspace: string, run: string): Promise<StepWorkspace>
  /** A folder that no step sees, for the files that steps hand on. Gone with the job. */
  store(): Promise<string>
}

export function createJobWorkspaces(deps: {
  environment: Pick<Environment, 'variables'>
  workspaces: readonly string[]
  tell: (line: string) => void
  cancel: AbortSignal
}): JobWorkspaces {
  const { environment, workspaces } = deps
  const insideStep = environment.variables['MAYFLY_STEP']
  const lock = createWorkspaceLock(workspaces, { ...deps, insideStep })
  const sweeping = sweepJobFolders(environment, workspaces).catch(() => undefined)
  let making: Promise<JobFolder> | undefined
  const folder = () => (making ??= makeJobFolder(environment, workspaces))

  async function fresh(inside: string): Promise<StepWorkspace> {
    const path = mkdtempSync(join((await folder()).path, 'workspace-'))
    // Not by its place on the disk: the next one may have the same inode.
    const id = randomBytes(32).toString('hex')
    return { kind: 'fresh', path, inside, id, [Symbol.dispose]: () => removeTree(path) }
  }

  return {
    take: () => lock.take(),
    giveWay: () => lock.giveWay(),
    async open(kind, workspace, run) {
      if (kind === 'fresh') return fresh(workspace)
      const entered = await lock.enter()
      const id = workspaceId(run, workspace)
      return {
        kind,
        path: workspace,
        inside: workspace,
        id,
        [Symbol.dispose]: () => entered[Symbol.dispose](),
      }
    },
    async store() {
      const path = join((await folder()).path, 'artifacts')
      mkdirSync(path, { recursive: true, mode: 0o700 })
      return path
    },
    async [Symbol.asyncDispose]() {
      lock[Symbol.dispose]()
      await sweeping
      const made = await making?.catch(() => undefined)
      made?.[Symbol.dispose]()
    },
  }
}
