import { closeSync, constants, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import { atOnce, exclusive, flock, shared, type Lock } from './flock.ts'

/** How long a job waits for the one that runs in its workspace. */
const maxWaitMs = 600_000

interface LockDeps {
  readonly tell: (line: string) => void
  readonly cancel: AbortSignal
  /** The step that this `mayfly run` runs in, if it does: what holds the workspace then waits for us. */
  readonly insideStep?: string | undefined
  readonly waitMs?: number
}

/** The lock of a job on its workspaces, which can be given up while the job waits for people. */
export interface WorkspaceLock extends Disposable {
  /** Takes it, or has it already. Throws `conflict`, see `lockWorkspaces`. */
  take(): Promise<void>
  /** For as long as a step runs in there: then nobody gives it up. */
  enter(): Promise<Disposable>
  /** Gives it up until it is taken again, unless a step runs in there. */
  giveWay(): void
}

export function createWorkspaceLock(workspaces: readonly string[], deps: LockDeps): WorkspaceLock {
  let held: Promise<Disposable> | undefined
  let inside = 0
  const take = async () => {
    const taking = (held ??= lockWorkspaces(workspaces, deps))
    try {
      await taking
    } catch (error) {
      if (held === taking) held = undefined
      throw error
    }
  }
  const giveWay = () => {
    if (inside > 0) return
    held?.then((lock) => lock[Symbol.dispose]()).catch(() => undefined)
    held = undefined
  }
  return {
    take,
    async enter() {
      inside++
      try {
        await take()
      } catch (error) {
        inside--
        throw error
      }
      let left = false
      return {
        [Symbol.dispose]() {
          if (!left) inside--
          left = true
        },
      }
    },
    giveWay,
    [Symbol.dispose]() {
      inside = 0
      giveWay()
    },
  }
}

/**
 * Holds the workspaces for one job, from before its first step until it is disposed of. While a step runs in a folder no
 * other one starts in it, above it or below it: it could swap a file of the workspace between our look and the mount.
 * The lock is on the folder itself, also across containers that share it; the folders above are locked for sharing.
 * Throws `conflict` after ten minutes.
 */
export async function lockWorkspaces(workspaces: readonly string[], deps: LockDeps): Promise<Disposable> {
  using opened = new DisposableStack()
  for (const workspace of outermost(workspaces)) {
    const locks = openFolders(workspace, opened)
    if (await flock(locks, deps.cancel, atOnce)) continue
    if (deps.insideStep !== undefined)
      throw new MayflyError(
        'conflict',
        `this mayfly run is itself part of a step (${deps.insideStep}), which holds ${workspace}: run the command without mayfly run, or in another folder with --workspace`,
      )
    deps.tell(`another step runs in ${workspace}, or in a folder above or below it: waiting for it to end`)
    const patience = AbortSignal.any([deps.cancel, AbortSignal.timeout(deps.waitMs ?? maxWaitMs)])
    if (!(await flock(locks, patience, 0)))
      throw new MayflyError(
        'conflict',
        `another step still runs in ${workspace}, or in a folder above or below it: end it, or give this one a folder of its own with --workspace`,
      )
  }
  return opened.move()
}

// A workspace inside another one of the same job would wait for it for ever.
function outermost(workspaces: readonly string[]): string[] {
  const all = [...new Set(workspaces.map((path) => realpathSync(path)))].toSorted()
  return all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)))
}

/** From the top down, so that two jobs never wait for each other. */
function openFolders(workspace: string, opened: DisposableStack): Lock[] {
  const above: string[] = []
  for (let folder = dirname(workspace); folder !== '/'; folder = dirname(folder)) above.unshift(folder)
  const open = (path: string, how: number): Lock => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
    opened.defer(() => closeSync(fd))
    return { fd, how }
  }
  const readable = above.flatMap((path) => {
    try {
      return [open(path, shared)]
    } catch {
      // What this user cannot open is no workspace of theirs.
      return []
    }
  })
  return [...readable, open(workspace, exclusive)]
}
