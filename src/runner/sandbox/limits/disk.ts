import { execFile } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

/** Looks whether a step has written too much. */
export type DiskWatch = () => Promise<boolean>

/**
 * Watches what a step adds to the file system of its workspace, of which it may take `maxBytes`. Nobody has quotas there, so
 * the free room is looked at, which costs nothing. Once that much of it is gone the workspace itself is counted: others write
 * there, too. What cannot be counted (a folder that the step has closed) is taken for the step's. A file without a name is
 * found by the descriptors of the step's processes. What neither finds ends the step when the disk is nearly full.
 * `pids` are the step's processes.
 */
export function watchDisk(workspace: string, maxBytes: number, pids: () => readonly number[]): DiskWatch {
  let base: Room | undefined
  return async () => {
    const now = await roomOf(workspace)
    base ??= now
    const taken = takenSince(base, now)
    if (isNearlyFull(now) && taken >= nearlyFullTakenBytes) return true
    if (taken < maxBytes) return false
    const counted = await countFolder(workspace)
    if (counted === undefined) return true
    const used = counted + namelessBytes(workspace, pids())
    if (used >= maxBytes) return true
    // The rest was somebody else's. What is counted may be the step's, and stays on its account.
    base = { ...now, bytes: now.bytes + used }
    return false
  }
}

interface Room {
  /** Free, for an ordinary user. */
  readonly bytes: number
  readonly totalBytes: number
  /** Files that can still be made. */
  readonly files: number
}

async function roomOf(folder: string): Promise<Room> {
  const { bsize, bavail, blocks, ffree } = await statfs(folder)
  return { bytes: bavail * bsize, totalBytes: blocks * bsize, files: ffree }
}

/** A million empty files fill a disk as surely: each takes what a small one does. */
const bytesPerFile = 4_096

function takenSince(base: Room, now: Room): number {
  return Math.max(base.bytes - now.bytes, (base.files - now.files) * bytesPerFile)
}

const nearlyFullTakenBytes = 2 ** 28

function isNearlyFull({ bytes, totalBytes }: Room): boolean {
  return bytes < Math.min(2 ** 29, totalBytes / 50)
}

const countTimeoutMs = 60_000

/** Bytes on the disk below a folder; undefined if a part of it cannot be read, or it takes too long. */
function countFolder(folder: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(
      '/usr/bin/du',
      ['-s', '-x', '--block-size=1', '--', folder],
      { env: { LC_ALL: 'C' }, timeout: countTimeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 20 },
      (error, stdout, stderr) => {
        const bytes = /^\d+/.exec(stdout)?.[0]
        // What was removed while it counted is an error to du, and none to us.
        const unseen = error !== null && (stderr === '' || /Permission denied/.test(stderr))
        resolve(bytes === undefined || unseen ? undefined : Number(bytes))
      },
    )
  })
}

/** What is on this disk in files that have no name any more but are open in one of the processes. */
function namelessBytes(workspace: string, pids: readonly number[]): number {
  const { dev } = statSync(workspace)
  const found = new Map<number, number>()
  for (const pid of pids)
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      const file = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
      if (file?.isFile() === true && file.nlink === 0 && file.dev === dev)
        found.set(file.ino, file.blocks * 512)
    }
  return [...found.values()].reduce((sum, bytes) => sum + bytes, 0)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
