import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  statSync,
} from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Environment } from '../../config/environment.ts'
import { MayflyError, systemCode } from '../../lib/index.ts'
import { atOnce, exclusive, flock } from './flock.ts'
import { removeTree } from './remove-tree.ts'

/**
 * Where a job keeps what no step of it may reach by itself: workspaces of single steps, and the files that steps hand on.
 * Its lock says that its job lives; a folder without one was left by a job that was killed, and is taken away.
 */
export interface JobFolder extends Disposable {
  readonly path: string
}

const never = new AbortController().signal

/** Makes a new one, which only this user can enter. Throws `isolation_unavailable` if it can be made nowhere. */
export async function makeJobFolder(
  environment: Pick<Environment, 'variables'>,
  workspaces: readonly string[],
): Promise<JobFolder> {
  const base = placesFor(environment, workspaces).find(isOurs)
  if (base === undefined)
    throw new MayflyError(
      'isolation_unavailable',
      'there is no folder for a workspace of its own: set TMPDIR to one outside the workspace that this user can write to',
    )
  for (;;) {
    const path = makeIn(base)
    if (path === undefined) continue
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    // Another job may have taken it for one that was left, before it was locked.
    if ((await flock([{ fd, how: exclusive }], never, atOnce)) && isSame(path, fd)) {
      return {
        path,
        [Symbol.dispose]() {
          removeTree(path)
          closeSync(fd)
          removeIfEmpty(base)
        },
      }
    }
    closeSync(fd)
  }
}

/** undefined if another job, the last one in there, took the folder away. */
function makeIn(base: string): string | undefined {
  mkdirSync(base, { recursive: true, mode: 0o700 })
  try {
    return mkdtempSync(join(base, 'job-'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Takes away what jobs left that were killed. */
export async function sweepJobFolders(
  environment: Pick<Environment, 'variables'>,
  workspaces: readonly string[],
): Promise<void> {
  for (const base of placesFor(environment, workspaces)) {
    if (lstatSync(base, { throwIfNoEntry: false }) === undefined || !isOurs(base)) continue
    for (const name of readdirSync(base)) await sweep(join(base, name))
    removeIfEmpty(base)
  }
}

async function sweep(path: string): Promise<void> {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch {
    return
  }
  try {
    if ((await flock([{ fd, how: exclusive }], never, atOnce)) && isSame(path, fd)) removeTree(path)
  } finally {
    closeSync(fd)
  }
}

/** In order: where CIs and users say that temporary files go, and what there is on every machine. None in a workspace. */
function placesFor({ variables }: Pick<Environment, 'variables'>, workspaces: readonly string[]): string[] {
  const home = variables['HOME']
  const state = variables['XDG_STATE_HOME'] ?? (home === undefined ? undefined : join(home, '.local/state'))
  const named = [variables['RUNNER_TEMP'], variables['AGENT_TEMPDIRECTORY'], variables['TMPDIR'], state]
  const folders = [...named.filter((path) => path !== undefined && isAbsolute(path)), '/var/tmp', '/tmp']
  const places = folders.map((folder) =>
    join(realPath(folder ?? ''), `mayfly-jobs-${process.getuid?.() ?? 0}`),
  )
  return [...new Set(places)].filter((path) => !workspaces.some((root) => path.startsWith(`${root}/`)))
}

/** Is it a folder of this user's that nobody else can enter? Made if it is not there. */
function isOurs(base: string): boolean {
  try {
    mkdirSync(base, { recursive: true, mode: 0o700 })
    const stat = lstatSync(base)
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) return false
    if ((stat.mode & 0o077) !== 0) chmodSync(base, 0o700)
    return true
  } catch {
    return false
  }
}

function isSame(path: string, fd: number): boolean {
  const [there, open] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)]
  return there?.ino === open.ino && there.dev === open.dev
}

function removeIfEmpty(base: string): void {
  try {
    rmdirSync(base)
  } catch {
    // Another job has its own in there.
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
