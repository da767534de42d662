import { spawn } from 'node:child_process'
import { closeSync, constants, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { MayflyError } from '../../lib/index.ts'

/** How long a job waits for the one that runs in its workspace. */
const maxWaitMs = 600_000

/** LOCK_SH, LOCK_EX, LOCK_NB (flock(2)). */
const [shared, exclusive, atOnce] = [1, 2, 4]

/**
 * Locks what it inherited: pairs of descriptor and operation. A lock belongs to the open file that the supervisor
 * and this program share, so it stays when this one ends and is gone when the supervisor is, however it ends.
 * Node has no flock(2); perl is what the sandbox needs anyway.
 */
const script =
  'while (my ($fd, $how) = splice @ARGV, 0, 2) { open(my $h, "<&=", $fd) or exit 2; $h{$fd} = $h; flock($h, $how) or exit($!{EWOULDBLOCK} ? 1 : 2) }'

/**
 * Holds the workspaces for one job, from before its first step until it is disposed of. While a step runs in a folder no
 * other one starts in it, above it or below it: it could swap a file of the workspace between our look and the mount.
 * The lock is on the folder itself, also across containers that share it; the folders above are locked for sharing.
 * Throws `conflict` after ten minutes.
 */
export async function lockWorkspaces(
  workspaces: readonly string[],
  deps: { tell: (line: string) => void; cancel: AbortSignal; waitMs?: number },
): Promise<Disposable> {
  using opened = new DisposableStack()
  for (const workspace of outermost(workspaces)) {
    const locks = openFolders(workspace, opened)
    if (await lock(locks, deps.cancel, atOnce)) continue
    deps.tell(`another step runs in ${workspace}, or in a folder above or below it: waiting for it to end`)
    const patience = AbortSignal.any([deps.cancel, AbortSignal.timeout(deps.waitMs ?? maxWaitMs)])
    if (!(await lock(locks, patience, 0)))
      throw new MayflyError(
        'conflict',
        `another step still runs in ${workspace}, or in a folder above or below it: end it, or give this one a folder of its own with --workspace`,
      )
  }
  return opened.move()
}

interface Lock {
  readonly fd: number
  readonly how: number
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

/** False if somebody else has it, or it was given up. */
function lock(locks: readonly Lock[], cancel: AbortSignal, flags: number): Promise<boolean> {
  const args = locks.flatMap(({ how }, i) => [String(i + 3), String(how | flags)])
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/perl', ['-MErrno', '-e', script, ...args], {
      stdio: ['ignore', 'ignore', 'ignore', ...locks.map(({ fd }) => fd)],
      env: {},
      signal: cancel,
      killSignal: 'SIGKILL',
    })
    child.once('error', (error) => (cancel.aborted ? resolve(false) : reject(error)))
    child.once('close', (code) => {
      if (code === 0 || code === 1 || cancel.aborted) return resolve(code === 0)
      reject(new MayflyError('isolation_unavailable', `the workspace cannot be locked (flock, exit ${code})`))
    })
  })
}
