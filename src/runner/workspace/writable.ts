import { closeSync, fstatSync, statSync } from 'node:fs'
import { MayflyError } from '../../lib/index.ts'
import { openFolder, openUp } from './descend.ts'

/**
 * Opens a workspace of this user's to its owner again: a step may have closed it (`chmod 000 .`), and its end is no reason that no
 * job runs there any more. What belongs to others is left alone.
 */
export function openToOwner(workspace: string): void {
  const fd = openFolder(workspace)
  try {
    if (fstatSync(fd).uid === process.getuid?.()) openUp(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Throws `bad_input`, with the command that mends it, if a step of this user could not write to its workspace. A supervisor
 * that is root could, its step cannot: it has no capability, and no other user than root is known in its namespace.
 */
export function refuseUnwritable(
  workspace: string,
  { uid, gid }: { readonly uid: number; readonly gid: number } = ownIds(),
): void {
  const stat = statSync(workspace)
  const rights = stat.uid === uid ? stat.mode >> 6 : stat.gid === gid ? stat.mode >> 3 : stat.mode
  if ((rights & 0o3) === 0o3) return
  const mend =
    stat.uid === uid
      ? `chmod u+rwx ${quoted(workspace)}`
      : `${uid === 0 ? '' : 'sudo '}chown -R ${uid}:${gid} ${quoted(workspace)}`
  throw new MayflyError(
    'bad_input',
    `the workspace ${workspace} belongs to user ${stat.uid}, and a step of user ${uid} cannot write to it: ${mend}${stat.uid === uid ? '' : `, or run mayfly as user ${stat.uid}`}`,
  )
}

/** For a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

/** Of this process; containers run users that /etc/passwd does not know, for whom `userInfo` throws. */
function ownIds(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
}
